/* Moves elements. Contract: MovementContract.cs. Where nothing else is said a block of 256 threads writes 1024
 * neighbouring elements, and each thread finds where its own come from.
 *
 * Modules: as it is, and ACT=1 for permute, transpose and upsample alone.
 */
#include "prelude.h"

/* y = x with its axes reordered: the extents of y from the innermost out and the step of x along each. Neighbours that
 * stay neighbours are merged; axes counts what is left. The step along the outermost comes last. */
KERNEL(movement_permute, 256, 1, 1)(
    IN(act_bits_t, x), OUT(act_bits_t, y), i64 count, int axes, i64 extent0, i64 extent1, i64 extent2, i64 step0,
    i64 step1, i64 step2, i64 step_outer)
{
    AT(x);
    AT(y);
    ELEMENTS(i, count)
    {
        i64 rest = i, next, from = 0;
        if (axes > 1)
        {
            next = rest / extent0;
            from = (rest - next * extent0) * step0;
            rest = next;
        }
        if (axes > 2)
        {
            next = rest / extent1;
            from += (rest - next * extent1) * step1;
            rest = next;
        }
        if (axes > 3)
        {
            next = rest / extent2;
            from += (rest - next * extent2) * step2;
            rest = next;
        }
        y[i] = x[from + rest * step_outer];
    }
}

/* Planes of [rows, columns] of y whose rows lie along x: tiles of 32 x 32 pass through local memory, so that both sides
 * are read and written in runs. A block is a tile of a plane, plane outermost; 33 elements a row keep columns of the
 * tile in different banks. */
KERNEL(movement_transpose, 32, 8, 1)(
    IN(act_bits_t, x), OUT(act_bits_t, y), i64 rows, i64 columns, i64 row_tiles, i64 column_tiles, i64 inner,
    i64 x_outer, i64 x_inner, i64 x_column, i64 y_outer, i64 y_inner, i64 y_row)
{
    LOCAL_ARRAY(act_bits_t, tile, 32 * 33);
    AT(x);
    AT(y);
    i64 block = BID_X;
    i64 plane = block / (row_tiles * column_tiles);
    i64 row = block / column_tiles % row_tiles * 32, column = block % column_tiles * 32;
    x += plane / inner * x_outer + plane % inner * x_inner;
    y += plane / inner * y_outer + plane % inner * y_inner;
    for (int i = TID_Y; i < 32; i += 8)
    {
        if (column + i < columns && row + TID_X < rows)
        {
            tile[i * 33 + TID_X] = x[(column + i) * x_column + row + TID_X];
        }
    }
    BARRIER();
    for (int i = TID_Y; i < 32; i += 8)
    {
        if (row + i < rows && column + TID_X < columns)
        {
            y[(row + i) * y_row + column + TID_X] = tile[TID_X * 33 + i];
        }
    }
}

/* count is that of y. Source pixel of target t: floor(t in / out). */
KERNEL(movement_upsample, 256, 1, 1)(
    IN(act_bits_t, x), OUT(act_bits_t, y), i64 count, int height, int width, int channels, int out_height,
    int out_width)
{
    AT(x);
    AT(y);
    ELEMENTS(i, count)
    {
        i64 pixel = i / channels, line = pixel / out_width, image = line / out_height;
        i64 row = (line - image * out_height) * height / out_height;
        i64 column = (pixel - line * out_width) * width / out_width;
        y[i] = x[((image * height + row) * width + column) * channels + (i - pixel * channels)];
    }
}

#if ACT == 0
/* count is rows times length; row r starts at x_start + r x_step and goes to y_start + r y_step. Elements are
 * 2 or 4 bytes; x_at and y_at count them in their own size. */
KERNEL(movement_copy_rows, 256, 1, 1)(
    IN(u32, x), OUT(u32, y), i64 count, i64 length, i64 x_start, i64 x_step, i64 y_start, i64 y_step, int bytes)
{
    GLOBAL const u16* x16 = (GLOBAL const u16*)x;
    GLOBAL u16* y16 = (GLOBAL u16*)y;
    ELEMENTS(i, count)
    {
        i64 row = i / length, column = i - row * length;
        i64 from = x_at + x_start + row * x_step + column, to = y_at + y_start + row * y_step + column;
        if (bytes == 4)
        {
            y[to] = x[from];
        }
        else
        {
            y16[to] = x16[from];
        }
    }
}

/* count is that of y. The table's type is the number of DType; table_at counts elements of that type. */
KERNEL(movement_gather_rows, 256, 1, 1)(IN(float, table), IN(int, ids), OUT(float, y), i64 count, int width, int type)
{
    AT(ids);
    AT(y);
    GLOBAL const h16* halves = (GLOBAL const h16*)table;
    GLOBAL const u16* brains = (GLOBAL const u16*)table;
    ELEMENTS(i, count)
    {
        i64 row = i / width;
        i64 from = table_at + (i64)ids[row] * width + (i - row * width);
        y[i] = type == 0 ? table[from] : type == 1 ? LOADH(halves, from) : bf2f(brains[from]);
    }
}

/* Of x that starts at start and has rows every step, length elements each, dx gets those of dy and 0 elsewhere. */
KERNEL(movement_copy_rows_backward, 256, 1, 1)(
    IN(float, dy), OUT(float, dx), i64 count, i64 rows, i64 length, i64 start, i64 step, i64 dy_start, i64 dy_step)
{
    AT(dy);
    AT(dx);
    ELEMENTS(i, count)
    {
        i64 row = -1;
        if (i >= start && rows > 0)
        {
            row = step == 0 ? 0 : (i - start) / step;
            row = row < rows ? row : rows - 1;
        }
        i64 inside = row < 0 ? length : i - start - row * step;
        dx[i] = inside < length ? dy[dy_start + row * dy_step + inside] : 0.0f;
    }
}

/* The first target whose source is at least this one. */
DEVICE i64 first_target(i64 source, int extent, int out_extent)
{
    return (source * out_extent + extent - 1) / extent;
}

/* count is that of dx. */
KERNEL(movement_upsample_backward, 256, 1, 1)(
    IN(float, dy), OUT(float, dx), i64 count, int height, int width, int channels, int out_height, int out_width)
{
    AT(dy);
    AT(dx);
    ELEMENTS(i, count)
    {
        i64 pixel = i / channels, line = pixel / width, image = line / height;
        i64 row = line - image * height, column = pixel - line * width;
        i64 row_end = first_target(row + 1, height, out_height), end = first_target(column + 1, width, out_width);
        float sum = 0.0f;
        for (i64 r = first_target(row, height, out_height); r < row_end; r++)
        {
            for (i64 c = first_target(column, width, out_width); c < end; c++)
            {
                sum += dy[((image * out_height + r) * out_width + c) * channels + (i - pixel * channels)];
            }
        }
        dx[i] = sum;
    }
}

KERNEL(movement_clear, 256, 1, 1)(OUT(float, y), i64 count)
{
    AT(y);
    ELEMENTS(i, count) { y[i] = 0.0f; }
}

/* count is that of dy; the table is zeros. The first of several equal ids adds up the rows of all of them, in their
 * order, so no two threads write to one place. */
KERNEL(movement_gather_rows_backward, 256, 1, 1)(IN(int, ids), IN(float, dy), OUT(float, dtable), i64 count, int width)
{
    AT(ids);
    AT(dy);
    AT(dtable);
    ELEMENTS(i, count)
    {
        i64 row = i / width, column = i - row * width, rows = count / width;
        int id = ids[row];
        i64 earlier = 0;
        while (ids[earlier] != id)
        {
            earlier++;
        }
        if (earlier == row)
        {
            float sum = dy[i];
            for (i64 later = row + 1; later < rows; later++)
            {
                if (ids[later] == id)
                {
                    sum += dy[later * width + column];
                }
            }
            dtable[id * (i64)width + column] = sum;
        }
    }
}
#endif
