/* Convolution of channels-last images as a product that is never laid out: rows are output pixels, columns output
 * channels, and the steps of the sum run over taps and, innermost, input channels. Tiles are those of tiles.h; where an
 * element lies is looked up once for each row of a tile, and by DEPTH threads for the steps at hand.
 *
 * Modules: WEIGHT=0..2 COLUMNS=64 or 16, conv2d_weight_gradient in those of WEIGHT=0 alone; ACT=1 WEIGHT=1 COLUMNS=64
 * or 16: x in F16. Of these conv2d also with the tiles that tuning chooses from. */
#include "prelude.h"
#include "activations.h"
#include "tiles.h"

/* A line no image has, also after a tap or another of these is added to it. */
#define NOWHERE (-(1 << 29))

/* Rows, or columns, of which the threads of a block load DEPTH steps at once. */
#define LOAD_LINES (THREADS / DEPTH)

/* y = act(conv(x, w) + bias + add_row) + added, forwards and, with a turned weight, of gradients.
 *
 * x is [images][height][width][channels], w [columns][size][size][channels]. The rows are images x lines x pixels;
 * the sum at (line, pixel) runs over taps_y x taps_x taps, of which (j, i) meets x at line * stride + first_y + j,
 * pixel * stride + first_x + i, where zeros lie outside, and w at tap_y + j * tap_step, tap_x + i * tap_step.
 * The result belongs to y_y + line * y_step, y_x + pixel * y_step of y [images][y_height][y_width][columns].
 * bias is [columns], add_row [images][columns], added like y, which it may be; each may be null. With halves y and
 * added are F16, else F32, whatever x is.
 *
 * With parts > 1 each block sums part_depth steps, and y is [parts] such results, part_stride apart, for matmul_join.
 *
 * One block a tile, in one dimension: column tiles innermost, then row tiles, then parts. */
KERNEL(conv2d, SIDE, SIDE, 1)(
    IN(act_t, x), IN(weight_t, w), IN(float, bias), IN(float, add_row), IN(float, added), OUT(float, y), int rows,
    int lines, int pixels, int columns, int height, int width, int channels, int taps_y, int taps_x, int stride,
    int first_y, int first_x, int size, int tap_y, int tap_x, int tap_step, int y_height, int y_width, int y_step,
    int y_y, int y_x, int part_depth, i64 part_stride, int activation, int halves)
{
    AT(x);
    AT(w);
    AT(bias);
    AT(add_row);
    LOCAL_ARRAY(float, tile, TILE_FLOATS);
    LOCAL_ARRAY(i64, row_to, ROWS);
    LOCAL_ARRAY(int, row_image, ROWS);
    LOCAL_ARRAY(int, row_y, ROWS);
    LOCAL_ARRAY(int, row_x, ROWS);
    LOCAL_ARRAY(int, step_y, DEPTH);
    LOCAL_ARRAY(int, step_x, DEPTH);
    LOCAL_ARRAY(int, step_channel, DEPTH);
    LOCAL_ARRAY(int, step_weight, DEPTH);
    LOCALP float* left = tile;
    LOCALP float* right = tile + DEPTH * LINE;
    int tx = TID_X, ty = TID_Y, t = ty * SIDE + tx;

    int column_tiles = (columns + COLUMNS - 1) / COLUMNS;
    int row_tiles = (rows + ROWS - 1) / ROWS;
    int at = BID_X;
    int first_column = at % column_tiles * COLUMNS;
    at /= column_tiles;
    int first_row = at % row_tiles * ROWS;
    int of_part = at / row_tiles;

    for (int e = t; e < ROWS; e += THREADS)
    {
        int row = first_row + e;
        int pixel = row % pixels, line = row / pixels % lines, image = row / pixels / lines;
        row_image[e] = image;
        row_y[e] = row < rows ? line * stride + first_y : NOWHERE;
        row_x[e] = pixel * stride + first_x;
        row_to[e] = (((i64)image * y_height + y_y + line * y_step) * y_width + y_x + pixel * y_step) * columns;
    }

    BARRIER();

    /* This thread loads one step of every so many rows and columns. */
    int load_step = t % DEPTH, load_line = t / DEPTH;
    int load_y[ROWS / LOAD_LINES], load_x[ROWS / LOAD_LINES];
    i64 load_image[ROWS / LOAD_LINES];
    UNROLL for (int i = 0; i < ROWS / LOAD_LINES; i++)
    {
        int line = load_line + i * LOAD_LINES;
        load_y[i] = row_y[line];
        load_x[i] = row_x[line];
        load_image[i] = (i64)row_image[line] * height * width * channels;
    }

    i64 weight_line = (i64)size * size * channels;
    int depth = taps_y * taps_x * channels;
    int begin = of_part * part_depth;
    int end = depth - begin < part_depth ? depth : begin + part_depth;
    float4 sums[QUADS * OWN];
    clear_sums(sums);

    for (int block = begin; block < end; block += SUM_DEPTH)
    {
        int block_end = end - block < SUM_DEPTH ? end : block + SUM_DEPTH;
        float4 block_sums[QUADS * OWN];
        clear_sums(block_sums);

        for (int first = block; first < block_end; first += DEPTH)
        {
            if (t < DEPTH)
            {
                int step = first + t;
                int tap = step / channels, channel = step - tap * channels;
                int j = tap / taps_x, i = tap - j * taps_x;
                int inside = step < block_end;
                step_y[t] = inside ? j : NOWHERE;
                step_x[t] = i;
                step_channel[t] = channel;
                step_weight[t] = inside
                    ? ((tap_y + j * tap_step) * size + tap_x + i * tap_step) * channels + channel
                    : -1;
            }

            BARRIER();
            int over_y = step_y[load_step], over_x = step_x[load_step];
            int channel = step_channel[load_step], weight = step_weight[load_step];
            UNROLL for (int i = 0; i < ROWS / LOAD_LINES; i++)
            {
                int from_y = load_y[i] + over_y, from_x = load_x[i] + over_x;
                float v = 0.0f;
                if (from_y >= 0 && from_y < height && from_x >= 0 && from_x < width)
                {
                    v = LOADA(x, load_image[i] + ((i64)from_y * width + from_x) * channels + channel);
                }

                left[load_step * LINE + load_line + i * LOAD_LINES] = v;
            }

            UNROLL for (int i = 0; i < COLUMNS / LOAD_LINES; i++)
            {
                int column = first_column + load_line + i * LOAD_LINES;
                float v = 0.0f;
                if (column < columns && weight >= 0)
                {
                    v = LOADW(w, column * weight_line + weight);
                }

                right[load_step * COLUMN_LINE + load_line + i * LOAD_LINES] = v;
            }

            BARRIER();
            add_steps(left, right, tx, ty, block_sums);
        }

        add_block(block_sums, sums);
    }

    y_at += of_part * part_stride;
    UNROLL_PASSES for (int pass = 0; pass < PASSES; pass++)
    {
        BARRIER();
        stage_sums(tile, sums, pass, tx, ty);
        BARRIER();
        for (int e = t; e < PASS_ROWS * PASS_COLUMNS; e += THREADS)
        {
            int row = PASS_ROW(pass) + e / PASS_COLUMNS;
            int column = first_column + PASS_COLUMN(pass) + e % PASS_COLUMNS;
            if (first_row + row < rows && column < columns)
            {
                float v = tile[e % PASS_COLUMNS * PASS_LINE + e / PASS_COLUMNS];
                i64 to = row_to[row] + column;
                if (bias)
                {
                    v += bias[column];
                }

                if (add_row)
                {
                    v += add_row[(i64)row_image[row] * columns + column];
                }

                v = ACTIVATE(activation, v);
                if (added)
                {
                    v += load_result(added, added_at + to, halves);
                }

                store_result(y, y_at + to, halves, v);
            }
        }
    }
}

#if WEIGHT == 0 && USUAL
/* dw [outputs][channels][size][size] = added + the sum over images and output pixels of dy x: rows are output
 * channels, columns taps and, innermost, input channels, steps pixels of dy [images][y_height][y_width][outputs].
 * x is [images][height][width][channels]; added is like dw, may be dw, and may be null.
 *
 * With parts > 1 each block sums part_depth pixels, and dw is [parts] such results, part_stride apart, for matmul_join.
 *
 * One block a tile, in one dimension: column tiles innermost, then row tiles, then parts. */
KERNEL(conv2d_weight_gradient, 16, 16, 1)(
    IN(float, x), IN(float, dy), IN(float, added), OUT(float, dw), int outputs, int height, int width, int channels,
    int size, int stride, int top, int left_padding, int y_height, int y_width, int depth, int part_depth,
    i64 part_stride)
{
    AT(x);
    AT(dy);
    AT(added);
    AT(dw);
    LOCAL_ARRAY(float, tile, TILE_FLOATS);
    LOCAL_ARRAY(i64, step_image, DEPTH);
    LOCAL_ARRAY(int, step_y, DEPTH);
    LOCAL_ARRAY(int, step_x, DEPTH);
    LOCALP float* left = tile;
    LOCALP float* right = tile + DEPTH * LINE;
    int tx = TID_X, ty = TID_Y, t = ty * 16 + tx;

    int taps = size * size, columns = taps * channels;
    int column_tiles = (columns + COLUMNS - 1) / COLUMNS;
    int row_tiles = (outputs + ROWS - 1) / ROWS;
    int at = BID_X;
    int first_column = at % column_tiles * COLUMNS;
    at /= column_tiles;
    int first_row = at % row_tiles * ROWS;
    int of_part = at / row_tiles;

    /* This thread loads and stores one column. */
    int own_column = first_column + t % COLUMNS;
    int tap = own_column / channels, channel = own_column - tap * channels;
    int over_y = own_column < columns ? tap / size : NOWHERE, over_x = tap % size;

    int begin = of_part * part_depth;
    int end = depth - begin < part_depth ? depth : begin + part_depth;
    float4 sums[QUADS * OWN];
    clear_sums(sums);

    for (int block = begin; block < end; block += SUM_DEPTH)
    {
        int block_end = end - block < SUM_DEPTH ? end : block + SUM_DEPTH;
        float4 block_sums[QUADS * OWN];
        clear_sums(block_sums);

        for (int first = block; first < block_end; first += DEPTH)
        {
            if (t < DEPTH)
            {
                int step = first + t;
                int pixel = step % y_width, line = step / y_width % y_height, image = step / y_width / y_height;
                step_image[t] = (i64)image * height * width * channels;
                step_y[t] = step < block_end ? line * stride - top : NOWHERE;
                step_x[t] = pixel * stride - left_padding;
            }

            BARRIER();
            UNROLL for (int i = 0; i < ROWS * DEPTH / THREADS; i++)
            {
                int e = t + i * THREADS;
                int row = first_row + e % ROWS, step = first + e / ROWS;
                float v = 0.0f;
                if (row < outputs && step < block_end)
                {
                    v = dy[(i64)step * outputs + row];
                }

                left[e / ROWS * LINE + e % ROWS] = v;
            }

            UNROLL for (int i = 0; i < COLUMNS * DEPTH / THREADS; i++)
            {
                int step = t / COLUMNS + i * (THREADS / COLUMNS);
                int from_y = step_y[step] + over_y, from_x = step_x[step] + over_x;
                float v = 0.0f;
                if (from_y >= 0 && from_y < height && from_x >= 0 && from_x < width)
                {
                    v = x[step_image[step] + ((i64)from_y * width + from_x) * channels + channel];
                }

                right[step * COLUMN_LINE + t % COLUMNS] = v;
            }

            BARRIER();
            add_steps(left, right, tx, ty, block_sums);
        }

        add_block(block_sums, sums);
    }

    BARRIER();
    stage_sums(tile, sums, 0, tx, ty);

    BARRIER();
    dw += of_part * part_stride;
    for (int e = t; e < ROWS * COLUMNS; e += THREADS)
    {
        int row = e / COLUMNS;
        if (first_row + row < outputs && own_column < columns)
        {
            float v = tile[e % COLUMNS * LINE + row];
            i64 to = ((i64)(first_row + row) * channels + channel) * taps + tap;
            dw[to] = added ? v + added[to] : v;
        }
    }
}
#endif
