/* Convolution of channels-last images in halves by wgmma, on compute capability 9.0, as a product that is never laid
 * out: rows are output pixels, which TMA gathers, columns output channels. A stage is DEPTH channels of one tap, fewer
 * at the end of a tap. Tiles are those of tiles_wgmma.h; sums are float32.
 *
 * Modules: COLUMNS=256, 160, 128 or 64. */
#include "prelude.h"
#include "instructions.h"
#include "instructions_wgmma.h"
#include "tiles_wgmma.h"

/* Where the first tap of the tile's first pixel lies, and with which tap and channel the next stage begins. */
struct pixels_t
{
    map_t x, w;
    int at_x, at_y, image, column, channels, size, tap_x, tap_y, channel;
};
DEVICE void fetch(pixels_t& pixels, shared_t rows, shared_t columns, shared_t full)
{
    int step = (pixels.tap_y * pixels.size + pixels.tap_x) * pixels.channels + pixels.channel;
    fetch_pixels(
        rows, pixels.x, full, pixels.channel, pixels.at_x, pixels.at_y, pixels.image, pixels.tap_x, pixels.tap_y);
    /* Beyond the tap's channels are those of the next, which meet zeros. */
    fetch_box(columns, pixels.w, full, step, pixels.column, 0, 0);
    pixels.channel += DEPTH;
    if (pixels.channel >= pixels.channels)
    {
        pixels.channel = 0;
        pixels.tap_x++;
        if (pixels.tap_x == pixels.size)
        {
            pixels.tap_x = 0;
            pixels.tap_y++;
        }
    }
}

/* y = act(conv(x, w) + bias + add_row) + added. x is a map of images by channels, pixels, lines and images, which goes
 * through the rows of the result, stride pixels from one to the next, in columns of ROWS pixels and DEPTH channels; w a
 * map of halves by size x size x channels steps and columns lines, of boxes of DEPTH steps of COLUMNS lines. The rows
 * are images x lines x pixels; tap (j, i) of (line, pixel) meets x at line * stride + first_y + j,
 * pixel * stride + first_x + i, where zeros lie outside. y is [rows][columns] and so is added, which may be y; bias is
 * [columns], add_row [images][columns]; each of the three may be null. With halves y and added are F16, else F32.
 *
 * With more than one part each block sums part_stages stages, and y is [parts] such results, part_stride apart, for
 * matmul_join.
 *
 * One block a tile, as tile_of_block has them. */
KERNEL(conv2d_wgmma, 288, 1, 1)(
    MAP(x), MAP(w), IN(float, bias), IN(float, add_row), IN(float, added), OUT(float, y), int rows, int lines,
    int pixels, int columns, int channels, int stride, int first_y, int first_x, int size, int part_stages,
    i64 part_stride, int activation, int halves)
{
    AT(bias);
    AT(add_row);
    DYNAMIC_ARRAY(ring);
    ring += -SHARED_AT(ring) & (ALIGNMENT - 1);
    tile_t tile = tile_of_block(rows, columns);
    int row = tile.first_row, of_tap = (channels + DEPTH - 1) / DEPTH;
    int begin = tile.result * part_stages, left = size * size * of_tap - begin;
    pixels_t source;
    source.x = MAP_AT(conv2d_wgmma, 0, x);
    source.w = MAP_AT(conv2d_wgmma, 1, w);
    source.at_x = row % pixels * stride + first_x;
    source.at_y = row / pixels % lines * stride + first_y;
    source.image = row / pixels / lines;
    source.column = tile.first_column;
    source.channels = channels;
    source.size = size;
    source.tap_x = begin / of_tap % size;
    source.tap_y = begin / of_tap / size;
    source.channel = begin % of_tap * DEPTH;
    sums_t sums;
    sum_stages(SHARED_AT(ring), source, left < part_stages ? left : part_stages, sums);

    result_t result = {
        bias, add_row, added, y, added_at, y_at + tile.result * part_stride, rows, columns, lines * pixels,
        activation, halves, 1.0f};
    store_tile((float*)ring, sums, result, row, tile.first_column);
}
