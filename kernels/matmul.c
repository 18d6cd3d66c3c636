/* Matrix products, and what is needed around them: packing weights, and joining the parts of sums that were split.
 * Tiles are those of tiles.h.
 *
 * Modules: SOURCE=0..2 WEIGHT=0..2, matmul_pack alone; WEIGHT=0..2 COLUMNS=64 or 16, all others; ACT=1 WEIGHT=1
 * COLUMNS=64 or 16, matmul alone: a in F16. Of these matmul also with the tiles that tuning chooses from. */
#include "prelude.h"

#ifdef SOURCE
#if SOURCE == 1
typedef h16 source_t;
#define LOAD_SOURCE(p, i) LOADH(p, i)
#elif SOURCE == 2
typedef u16 source_t;
#define LOAD_SOURCE(p, i) bf2f((p)[i])
#else
typedef float source_t;
#define LOAD_SOURCE(p, i) ((p)[i])
#endif

/* From source [outputs][inputs][taps] to packed [outputs][taps][inputs], or, turned, to [inputs][taps][outputs] with
 * the last tap first: the weight whose product, or convolution, with dy is the gradient of x. One thread an element of
 * packed, ceil(count / 256) blocks. */
KERNEL(matmul_pack, 256, 1, 1)(
    IN(source_t, source), OUT(weight_t, packed), i64 count, int outputs, int inputs, int taps, int turned)
{
    AT(source);
    AT(packed);
    i64 e = (i64)BID_X * 256 + TID_X;
    if (e < count)
    {
        int lines = turned ? outputs : inputs;
        int inner = (int)(e % lines);
        i64 rest = e / lines;
        int tap = (int)(rest % taps);
        int outer = (int)(rest / taps);
        i64 from = turned
            ? ((i64)inner * inputs + outer) * taps + (taps - 1 - tap)
            : ((i64)outer * inputs + inner) * taps + tap;
        STOREW(packed, e, LOAD_SOURCE(source, from));
    }
}

#else
#include "activations.h"
#include "tiles.h"

/* The line of b, and the element of bias, of a column of tiles. */
DEVICE int line_of(int column, int columns, int gated)
{
    return gated ? (column % 2 == 0 ? column / 2 : columns / 2 + column / 2) : column;
}

/* y = act(scale op(a) op(b) + bias) + added for each member of a batch: rows x columns results, sums of depth steps.
 * Element (row, step) of a member of a is a[row * a_row + step * a_step], (step, column) of b
 * b[column * b_column + step * b_step]; members are a_0 and a_1, b_0 and b_1 apart along the two axes of the batch.
 * y is [batch][rows][columns] and so is added, which may be y; bias is [columns]; both may be null. With halves y and
 * added are F16, else F32, whatever a is.
 *
 * With gated, y = v act(g) with v and g the first and the second half of the columns of scale op(a) op(b) + bias, and
 * columns, which is even, that of both: y has half as many, and there is one part. In a tile values and gates take
 * turns.
 *
 * With parts > 1 each block sums part_depth steps, and y is [parts][batch][rows][columns], for matmul_join.
 *
 * One block a tile, in one dimension: column tiles innermost, then row tiles, then parts, then the batch. */
KERNEL(matmul, SIDE, SIDE, 1)(
    IN(act_t, a), IN(weight_t, b), IN(float, bias), IN(float, added), OUT(float, y), int rows, int columns, int depth,
    i64 a_row, i64 a_step, i64 b_column, i64 b_step, int batch_1, i64 a_0, i64 a_1, i64 b_0, i64 b_1, int part_depth,
    int parts, i64 part_stride, float scale, int activation, int halves, int gated)
{
    AT(a);
    AT(b);
    AT(bias);
    LOCAL_ARRAY(float, tile, TILE_FLOATS);
    LOCALP float* left = tile;
    LOCALP float* right = tile + DEPTH * LINE;
    int tx = TID_X, ty = TID_Y, t = ty * SIDE + tx;

    int column_tiles = (columns + COLUMNS - 1) / COLUMNS;
    int row_tiles = (rows + ROWS - 1) / ROWS;
    int at = BID_X;
    int first_column = at % column_tiles * COLUMNS;
    at /= column_tiles;
    int first_row = at % row_tiles * ROWS;
    at /= row_tiles;
    int of_part = at % parts;
    int member = at / parts;
    a += member / batch_1 * a_0 + member % batch_1 * a_1;
    b += member / batch_1 * b_0 + member % batch_1 * b_1;

    /* Neighbouring threads load neighbouring elements, whichever way an operand lies. */
    int along_rows = a_row == 1, along_columns = b_column == 1;
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
            UNROLL for (int i = 0; i < ROWS * DEPTH / THREADS; i++)
            {
                int e = t + i * THREADS;
                int row = along_rows ? e % ROWS : e / DEPTH, step = along_rows ? e / ROWS : e % DEPTH;
                float v = 0.0f;
                if (first_row + row < rows && first + step < block_end)
                {
                    v = LOADA(a, (first_row + row) * a_row + (first + step) * a_step);
                }

                left[step * LINE + row] = v;
            }

            UNROLL for (int i = 0; i < COLUMNS * DEPTH / THREADS; i++)
            {
                int e = t + i * THREADS;
                int column = along_columns ? e % COLUMNS : e / DEPTH;
                int step = along_columns ? e / COLUMNS : e % DEPTH;
                float v = 0.0f;
                if (first_column + column < columns && first + step < block_end)
                {
                    int line = line_of(first_column + column, columns, gated);
                    v = LOADW(b, line * b_column + (first + step) * b_step);
                }

                right[step * COLUMN_LINE + column] = v;
            }

            BARRIER();
            add_steps(left, right, tx, ty, block_sums);

            BARRIER();
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
            int row = first_row + PASS_ROW(pass) + e / PASS_COLUMNS;
            int column = first_column + PASS_COLUMN(pass) + e % PASS_COLUMNS;
            if (row < rows && column < columns && (!gated || column % 2 == 0))
            {
                LOCALP const float* sum = tile + e % PASS_COLUMNS * PASS_LINE + e / PASS_COLUMNS;
                int line = line_of(column, columns, gated);
                float v = sum[0] * scale, gate = 0.0f;
                i64 to = ((i64)member * rows + row) * (gated ? columns / 2 : columns) + line;
                if (bias)
                {
                    v += bias[line];
                }

                if (gated)
                {
                    gate = sum[PASS_LINE] * scale + (bias ? bias[columns / 2 + line] : 0.0f);
                }

                float activated = ACTIVATE(activation, gated ? gate : v);
                v = gated ? v * activated : activated;
                if (added)
                {
                    v += load_result(added, added_at + to, halves);
                }

                store_result(y, y_at + to, halves, v);
            }
        }
    }
}

#if ACT == 0
/* y = act(sum of summands + bias + add_row) + added. summands is [parts][count], added up in order; elements are in
 * rows of columns. bias is [columns], add_row has a row for each rows_of_image rows, added is like y and may be y;
 * each may be null. With halves y and added are F16. One thread an element, ceil(count / 256) blocks. */
KERNEL(matmul_join, 256, 1, 1)(
    IN(float, summands), IN(float, bias), IN(float, add_row), IN(float, added), OUT(float, y), i64 count, int parts,
    int columns, int rows_of_image, int activation, int halves)
{
    AT(summands);
    AT(bias);
    AT(add_row);
    i64 e = (i64)BID_X * 256 + TID_X;
    if (e < count)
    {
        int column = (int)(e % columns);
        float v = summands[e];
        for (int p = 1; p < parts; p++)
        {
            v += summands[p * count + e];
        }

        if (bias)
        {
            v += bias[column];
        }

        if (add_row)
        {
            v += add_row[e / columns / rows_of_image * columns + column];
        }

        v = ACTIVATE(activation, v);
        store_result(y, y_at + e, halves, added ? v + load_result(added, added_at + e, halves) : v);
    }
}
#endif
#endif
