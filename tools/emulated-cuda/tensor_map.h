/* What the emulated driver writes into a tensor map, which is opaque to everybody but the emulated instructions. */
#pragma once
#include <cstdint>

struct alignas(64) tensor_map_t
{
    /* Marks what the driver has made. */
    static const uint32_t Mark = 0x7e4503a9;

    uint64_t address;
    /* Bytes from one to the next along all dimensions but the first, whose elements lie side by side. */
    uint64_t strides[3];
    uint32_t extents[4], mark;
    /* Extents of a box; of images channels and pixels. */
    uint16_t box[4];
    /* Of images, along width and height: where the first tap of the first result lies, that of the last counted from
     * the last pixel, and the steps between. */
    int16_t lower[2], upper[2];
    uint16_t steps[2];
    uint32_t is_images;
};
static_assert(sizeof(tensor_map_t) == 128, "cuda.h has 128 bytes");
