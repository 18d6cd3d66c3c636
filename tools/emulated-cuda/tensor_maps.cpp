/* Tensor maps of the emulated driver, and memory of blocks beyond what every launch may have. What NVIDIA's driver
 * refuses is refused, and whatever the kernels have no use for. */
#include "driver.h"
#include "tensor_map.h"
#include <cstring>

using namespace cn_emulator;

const int MaxDynamicBytes = 8, Halves = 6, Swizzle128 = 3;

API cuFuncSetAttribute(Function* function, int attribute, int value)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = state()) return code;
    int most = compute() >= 90 ? 227 << 10 : 48 << 10;
    if (attribute != MaxDynamicBytes || value < 0 || value > most) return InvalidValue;
    function->most_dynamic = value;
    return Success;
}

/* What both kinds have in common; false for what is refused. */
static bool describe(
    tensor_map_t* map, int type, unsigned rank, uintptr_t address, const uint64_t* extents, const uint64_t* strides,
    const unsigned* steps, int interleave, int swizzle, int promotion, int fill)
{
    if (compute() < 90 || (uintptr_t)map % 64 != 0 || type != Halves || rank != 4 || address % 16 != 0) return false;
    if (interleave != 0 || swizzle != Swizzle128 || promotion < 0 || promotion > 3 || fill != 0) return false;
    memset(map, 0, sizeof *map);
    map->mark = tensor_map_t::Mark;
    map->address = address;
    for (int d = 0; d < 4; d++)
    {
        if (extents[d] == 0 || extents[d] > 1ull << 32 || steps[d] == 0 || steps[d] > 8) return false;
        map->extents[d] = (uint32_t)extents[d];
        if (d == 3) break;
        if (strides[d] % 16 != 0 || strides[d] == 0 || strides[d] >= 1ull << 40) return false;
        map->strides[d] = strides[d];
    }
    return strides[0] >= extents[0] * 2;
}

API cuTensorMapEncodeTiled(
    tensor_map_t* map, int type, unsigned rank, uintptr_t address, const uint64_t* extents, const uint64_t* strides,
    const unsigned* box, const unsigned* steps, int interleave, int swizzle, int promotion, int fill)
{
    if (!describe(map, type, rank, address, extents, strides, steps, interleave, swizzle, promotion, fill))
    {
        return InvalidValue;
    }
    for (int d = 0; d < 4; d++)
    {
        if (box[d] == 0 || box[d] > 256 || steps[d] != 1) return InvalidValue;
        map->box[d] = (uint16_t)box[d];
    }
    return box[0] == 64 ? Success : InvalidValue;
}

API cuTensorMapEncodeIm2col(
    tensor_map_t* map, int type, unsigned rank, uintptr_t address, const uint64_t* extents, const uint64_t* strides,
    const int* lower, const int* upper, unsigned channels, unsigned pixels, const unsigned* steps, int interleave,
    int swizzle, int promotion, int fill)
{
    if (!describe(map, type, rank, address, extents, strides, steps, interleave, swizzle, promotion, fill))
    {
        return InvalidValue;
    }
    if (channels != 64 || pixels == 0 || pixels > 1024 || steps[0] != 1 || steps[3] != 1) return InvalidValue;
    for (int d = 0; d < 2; d++)
    {
        if (lower[d] < -128 || lower[d] > 127 || upper[d] < -128 || upper[d] > 127) return InvalidValue;
        map->lower[d] = (int16_t)lower[d];
        map->upper[d] = (int16_t)upper[d];
        map->steps[d] = (uint16_t)steps[d + 1];
    }
    map->box[0] = (uint16_t)channels;
    map->box[1] = (uint16_t)pixels;
    map->is_images = 1;
    return Success;
}
