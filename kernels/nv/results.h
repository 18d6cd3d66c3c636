/* The results of a block on tensor cores: which they are, and what becomes of their sums. After instructions.h.
 *
 * A block of THREADS makes ROWS x COLUMNS results; these are given. */
#ifndef CN_RESULTS_H
#define CN_RESULTS_H

/* One block a tile, in one dimension: column tiles innermost, then row tiles, then results, which are members of a
 * batch or parts of a sum. */
struct tile_t
{
    int first_row, first_column, result;
};
DEVICE tile_t tile_of_block(int rows, int columns)
{
    int across = (columns + COLUMNS - 1) / COLUMNS, down = (rows + ROWS - 1) / ROWS;
    tile_t tile;
    tile.first_column = BID_X % across * COLUMNS;
    tile.first_row = BID_X / across % down * ROWS;
    tile.result = BID_X / across / down;
    return tile;
}

/* What becomes of sums: y = act(scale sum + bias + add_row) + added, as in matmul.c and conv2d.c. y and added are rows
 * of columns elements from y_at and added_at, F16 with halves, else F32; bias is one row, add_row a row for each
 * rows_of_image rows. All but y may be null. */
struct result_t
{
    const float *bias, *add_row, *added;
    float* y;
    i64 added_at, y_at;
    int rows, columns, rows_of_image, activation, halves;
    float scale;
};

DEVICE float finish(const result_t& result, float v, const float* add_row, int column)
{
    v *= result.scale;
    if (result.bias)
    {
        v += result.bias[column];
    }

    if (result.add_row)
    {
        v += add_row[column];
    }

    return ACTIVATE(result.activation, v);
}

/* Floats from a row of sums to the next where they wait to be stored: lanes of a fragment's rows meet in no bank. */
#define SUM_LINE (COLUMNS + 8)

/* Stores COUNT rows of sums. A thread finishes two neighbouring results at a time: a warp stores whole lines. */
template <int COUNT>
DEVICE void store_sums(const float* sums, const result_t& result, int first_row, int first_column)
{
    bool whole = result.halves && ((result.columns | (int)result.y_at | (int)result.added_at) & 1) == 0;
#pragma nounroll
    for (int e = TID_X * 2; e < COUNT * COLUMNS; e += THREADS * 2)
    {
        int row = first_row + e / COLUMNS, column = first_column + e % COLUMNS;
        if (row < result.rows && column < result.columns)
        {
            const float* sum = sums + e / COLUMNS * SUM_LINE + e % COLUMNS;
            const float* add_row = result.add_row + (i64)(row / result.rows_of_image) * result.columns;
            i64 to = (i64)row * result.columns + column;
            int count = column + 1 < result.columns ? 2 : 1;
            float v0 = finish(result, sum[0], add_row, column);
            float v1 = count == 2 ? finish(result, sum[1], add_row, column + 1) : 0.0f;
            if (result.added)
            {
                v0 += load_result(result.added, result.added_at + to, result.halves);
                v1 += count == 2 ? load_result(result.added, result.added_at + to + 1, result.halves) : 0.0f;
            }

            if (whole)
            {
                *(u32*)((h16*)result.y + result.y_at + to) = pack_halves(cn_within_half(v0), cn_within_half(v1));
            }
            else
            {
                store_result(result.y, result.y_at + to, result.halves, v0);
                if (count == 2)
                {
                    store_result(result.y, result.y_at + to + 1, result.halves, v1);
                }
            }
        }
    }
}
#endif
