/* Tiles of products on tensor cores: what matmul_mma.c and conv2d_mma.c have in common. Both multiply lines of halves
 * that lie in memory step by step, a row of the result with a column's.
 *
 * A block of WARPS_DOWN x WARPS_ACROSS = 4 warps makes ROWS x COLUMNS results, each warp a part of its own in
 * registers. Lines pass through the block's memory DEPTH steps at a time, in a ring of STAGES that are copied ahead.
 * A line of a stage is 64 bytes, four pieces of 16, and piece p of line l lies at p ^ (l / 2 % 4): the eight addresses
 * of a matrix then lie in different banks. Each sum runs over its steps in order, 16 at a time, whatever the tile:
 * which tile a launch takes changes no bit.
 *
 * At the end sums pass through the same memory in float32, BAND rows at a time, so that what is stored is whole lines.
 *
 * ROWS and COLUMNS are given: 128 x 128, 128 x 80, 128 x 64 or 64 x 64. */
#ifndef CN_TILES_H
#define CN_TILES_H

#define THREADS 128
#include "results.h"

#define DEPTH 32
#define PIECE 8
#define LINE_BYTES (DEPTH * 2)
#if COLUMNS == 80
#define WARPS_ACROSS 1
#else
#define WARPS_ACROSS 2
#endif
#define WARPS_DOWN (4 / WARPS_ACROSS)
#define WARP_ROWS (ROWS / WARPS_DOWN)
#define WARP_COLUMNS (COLUMNS / WARPS_ACROSS)
#define STAGE_BYTES ((ROWS + COLUMNS) * LINE_BYTES)
/* As many as are 48 KiB, which a block may have without asking the driver, but no more than hide a copy. */
#define STAGES (4 * STAGE_BYTES <= 48 << 10 ? 4 : 3)
#define BAND 64
#define TILE_BYTES (STAGES * STAGE_BYTES > BAND * SUM_LINE * 4 ? STAGES * STAGE_BYTES : BAND * SUM_LINE * 4)

/* Sums of a warp: fragments of 16 x 8. */
#define DOWN (WARP_ROWS / 16)
#define ACROSS (WARP_COLUMNS / 8)
typedef float sums_t[DOWN][ACROSS][4];

/* Where a piece of a line lies in a stage. */
DEVICE shared_t place(int line, int piece)
{
    return (shared_t)(line * LINE_BYTES + ((piece ^ (line >> 1 & 3)) << 4));
}

/* Lines that lie a fixed distance apart. This thread copies piece t % 4 of lines t / 4, t / 4 + 32, ... */
struct lines_t
{
    const h16 *base, *at;
    i64 apart;
    int count, step, end;
};
DEVICE lines_t lines_of(const h16* base, i64 apart, int first, int count, int begin, int end)
{
    int line = TID_X / 4, step = begin + TID_X % 4 * PIECE;
    lines_t lines;
    lines.base = base;
    lines.at = base + (first + line) * apart + step;
    lines.apart = apart * 32;
    lines.count = count - first - line;
    lines.step = step;
    lines.end = end;
    return lines;
}

/* Queues the copy of the next DEPTH steps of COUNT lines. Lines beyond the last and steps beyond the end are zeros. */
template <int COUNT> DEVICE void fetch(lines_t& lines, shared_t to)
{
    int line = TID_X / 4;
    bool inside = lines.step < lines.end;
    UNROLL for (int i = 0; i < (COUNT + 31) / 32; i++)
    {
        if (COUNT % 32 == 0 || line + i * 32 < COUNT)
        {
            bool there = inside && i * 32 < lines.count;
            copy_16(to + place(line + i * 32, TID_X % 4), there ? lines.at + i * lines.apart : lines.base, there);
        }
    }

    lines.step += DEPTH;
    lines.at += DEPTH;
}

/* sums += the product of a stage. */
DEVICE void multiply_stage(shared_t rows, sums_t& sums)
{
    shared_t columns = rows + ROWS * LINE_BYTES;
    int down = WARP / WARPS_ACROSS * WARP_ROWS, across = WARP % WARPS_ACROSS * WARP_COLUMNS;
    UNROLL for (int k = 0; k < DEPTH / 16; k++)
    {
        u32 a[DOWN][4];
        UNROLL for (int i = 0; i < DOWN; i++)
        {
            load_matrices(a[i], rows + place(down + i * 16 + LANE % 16, k * 2 + LANE / 16));
        }

        UNROLL for (int j = 0; j < ACROSS; j += 2)
        {
            u32 b[4];
            load_matrices(b, columns + place(across + j * 8 + LANE % 8 + LANE / 16 * 8, k * 2 + LANE / 8 % 2));
            UNROLL for (int i = 0; i < DOWN; i++)
            {
                multiply_add(sums[i][j], a[i], b[0], b[1]);
                multiply_add(sums[i][j + 1], a[i], b[2], b[3]);
            }
        }
    }
}

/* sums = the products of rows, of which fetch_rows(rows, to) queues the next DEPTH steps, and lines of b, from begin to
 * end. Behind it nobody uses the tile any more. */
template <typename Rows>
DEVICE void sum_products(shared_t tile, Rows& rows, lines_t columns, int begin, int end, sums_t& sums)
{
    UNROLL for (int i = 0; i < DOWN; i++)
    {
        UNROLL for (int j = 0; j < ACROSS; j++)
        {
            sums[i][j][0] = sums[i][j][1] = sums[i][j][2] = sums[i][j][3] = 0.0f;
        }
    }

    int left = (end - begin + DEPTH - 1) / DEPTH;
    shared_t last = tile + (STAGES - 1) * STAGE_BYTES, to = tile, from = tile;
    UNROLL for (int s = 0; s < STAGES - 1; s++)
    {
        if (s < left)
        {
            fetch_rows(rows, to);
            fetch<COLUMNS>(columns, to + ROWS * LINE_BYTES);
        }

        copy_commit();
        to += STAGE_BYTES;
    }

    for (; left > 0; left--)
    {
        /* The stage to copy to is the one multiplied last: the barrier is behind that as well. */
        copy_wait(STAGES - 2);
        BARRIER();
        if (left > STAGES - 1)
        {
            fetch_rows(rows, to);
            fetch<COLUMNS>(columns, to + ROWS * LINE_BYTES);
        }

        copy_commit();
        to = to == last ? tile : to + STAGE_BYTES;
        multiply_stage(from, sums);
        from = from == last ? tile : from + STAGE_BYTES;
    }

    BARRIER();
}

/* Stores a tile, a band after the other. */
DEVICE void store_tile(float* band, const sums_t& sums, const result_t& result, int first_row, int first_column)
{
    int down = WARP / WARPS_ACROSS * WARP_ROWS, across = WARP % WARPS_ACROSS * WARP_COLUMNS;
#pragma nounroll
    for (int first = 0; first < ROWS; first += BAND)
    {
        if (down / BAND * BAND == first)
        {
            UNROLL for (int i = 0; i < DOWN; i++)
            {
                UNROLL for (int j = 0; j < ACROSS; j++)
                {
                    float* to = band + (down - first + i * 16 + LANE / 4) * SUM_LINE + across + j * 8 + LANE % 4 * 2;
                    to[0] = sums[i][j][0];
                    to[1] = sums[i][j][1];
                    to[8 * SUM_LINE] = sums[i][j][2];
                    to[8 * SUM_LINE + 1] = sums[i][j][3];
                }
            }
        }

        BARRIER();
        store_sums<BAND>(band, result, first_row + first, first_column);
        BARRIER();
    }
}
#endif
