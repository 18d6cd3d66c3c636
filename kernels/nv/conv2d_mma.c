/* Convolution of channels-last images in halves on tensor cores, as a product that is never laid out: rows are output
 * pixels, columns output channels, and the steps of the sum run over taps and, innermost, input channels. Tiles are
 * those of tiles_mma.h; sums are float32.
 *
 * Modules: ROWS=128 COLUMNS=128, 80 or 64; ROWS=64 COLUMNS=64. */
#include "prelude.h"
#include "instructions.h"
#include "tiles_mma.h"

/* A line no image has, also after a tap is added to it. */
#define NOWHERE (-(1 << 29))

/* Of each output pixel where its first tap lies, and of the steps at hand which tap and channel they begin with. This
 * thread copies piece t % 4 of rows t / 4, t / 4 + 32, ... */
struct pixels_t
{
    const h16* x;
    i64 at[ROWS / 32];
    int y[ROWS / 32], x_of[ROWS / 32];
    int height, width, channels, taps, tap_y, tap_x, channel, step, end;
};
DEVICE void fetch_rows(pixels_t& rows, shared_t to)
{
    bool inside = rows.step < rows.end;
    int over = (rows.tap_y * rows.width + rows.tap_x) * rows.channels + rows.channel;
    UNROLL for (int i = 0; i < ROWS / 32; i++)
    {
        bool there = inside && (u32)(rows.y[i] + rows.tap_y) < (u32)rows.height
            && (u32)(rows.x_of[i] + rows.tap_x) < (u32)rows.width;
        copy_16(to + place(TID_X / 4 + i * 32, TID_X % 4), there ? rows.x + (rows.at[i] + over) : rows.x, there);
    }

    rows.step += DEPTH;
    rows.channel += DEPTH;
    while (rows.channel >= rows.channels)
    {
        rows.channel -= rows.channels;
        rows.tap_x++;
        if (rows.tap_x == rows.taps)
        {
            rows.tap_x = 0;
            rows.tap_y++;
        }
    }
}

/* y = act(conv(x, w) + bias + add_row) + added. x is [images][height][width][channels], channels a multiple of
 * 8, w [columns][size][size][channels]; both are aligned to 16 bytes. The rows are images x lines x pixels; tap (j, i)
 * of (line, pixel) meets x at line * stride + first_y + j, pixel * stride + first_x + i, where zeros lie outside.
 * y is [rows][columns] and so is added, which may be y; bias is [columns], add_row [images][columns]; each of the three
 * may be null. With halves y and added are F16, else F32.
 *
 * With parts > 1 each block sums part_depth steps, a multiple of 8, and y is [parts] such results, part_stride apart,
 * for matmul_join.
 *
 * One block a tile, as tile_of_block has them. */
KERNEL(conv2d_mma, 128, 1, 1)(
    IN(h16, x), IN(h16, w), IN(float, bias), IN(float, add_row), IN(float, added), OUT(float, y), int rows, int lines,
    int pixels, int columns, int height, int width, int channels, int stride, int first_y, int first_x, int size,
    int part_depth, i64 part_stride, int activation, int halves)
{
    AT(x);
    AT(w);
    AT(bias);
    AT(add_row);
    LOCAL_ARRAY(u8, tile, TILE_BYTES);
    tile_t at = tile_of_block(rows, columns);
    int depth = size * size * channels;
    int begin = at.result * part_depth;
    int end = depth - begin < part_depth ? depth : begin + part_depth;

    pixels_t of_rows;
    of_rows.x = x;
    of_rows.height = height;
    of_rows.width = width;
    of_rows.channels = channels;
    of_rows.taps = size;
    of_rows.step = begin + TID_X % 4 * PIECE;
    of_rows.end = end;
    int tap = of_rows.step / channels;
    of_rows.channel = of_rows.step - tap * channels;
    of_rows.tap_y = tap / size;
    of_rows.tap_x = tap - of_rows.tap_y * size;
    UNROLL for (int i = 0; i < ROWS / 32; i++)
    {
        int row = at.first_row + TID_X / 4 + i * 32;
        int pixel = row % pixels, line = row / pixels % lines, image = row / pixels / lines;
        int from_y = line * stride + first_y, from_x = pixel * stride + first_x;
        of_rows.y[i] = row < rows ? from_y : NOWHERE;
        of_rows.x_of[i] = from_x;
        of_rows.at[i] = (((i64)image * height + from_y) * width + from_x) * channels;
    }

    sums_t sums;
    lines_t of_columns = lines_of(w, depth, at.first_column, columns, begin, end);
    sum_products(SHARED(tile), of_rows, of_columns, begin, end, sums);

    result_t result = {
        bias, add_row, added, y, added_at, y_at + at.result * part_stride, rows, columns, lines * pixels, activation,
        halves, 1.0f};
    store_tile((float*)tile, sums, result, at.first_row, at.first_column);
}
