/* What products of tiles have in common. Included by matmul.c and conv2d.c.
 *
 * A block of SIDE x SIDE threads makes a tile of ROWS x COLUMNS results. Both operands pass through its memory DEPTH
 * steps of the sum at a time, with the results of a step side by side, so that a thread takes four rows in one load.
 * Steps add up in registers in blocks of 256, whose sums add up in turn: a long sum in one go would lose more. At the
 * end the sums lie in the block's memory, up to four rows and four columns of each thread in one pass, from where the
 * epilogue, one loop for all combinations, stores whole lines.
 *
 * No result depends on the tile it is made in: DEPTH divides 256, so steps and blocks are added in the same order
 * whatever the tile, and steps beyond the last add zeros.
 */
#ifndef CN_TILES_H
#define CN_TILES_H

#ifndef WEIGHT
#define WEIGHT 0
#endif
#ifndef SIDE
#define SIDE 16
#endif
#ifndef ROWS
#define ROWS 64
#endif
#ifndef COLUMNS
#define COLUMNS 64
#endif
#ifndef DEPTH
#define DEPTH 16
#endif
#define SUM_DEPTH 256
#define THREADS (SIDE * SIDE)
#define LINE (ROWS + 4)
#define COLUMN_LINE (COLUMNS + 4)

/* The tiles that kernels are launched with where nothing was tuned. */
#define USUAL (SIDE == 16 && ROWS == 64 && DEPTH == 16)

/* A thread has QUADS times four neighbouring rows, and OWN columns, GROUP of them neighbours. */
#define QUADS (ROWS / (4 * SIDE))
#define OWN (COLUMNS / SIDE)
#define GROUP (OWN < 4 ? OWN : 4)
#define GROUPS (OWN / GROUP)

/* A pass of the epilogue has a quad and a group of each thread. */
#define PASSES (QUADS * GROUPS)
#define PASS_ROWS (4 * SIDE)
#define PASS_COLUMNS (GROUP * SIDE)
#define PASS_LINE (PASS_ROWS + 4)
#define PASS_ROW(pass) ((pass) / GROUPS * PASS_ROWS)
#define PASS_COLUMN(pass) ((pass) % GROUPS * PASS_COLUMNS)

/* Row tiles and column tiles of DEPTH steps each; afterwards the columns of a pass. */
#define TILE_FLOATS (DEPTH * LINE + DEPTH * COLUMN_LINE > PASS_COLUMNS * PASS_LINE \
    ? DEPTH * LINE + DEPTH * COLUMN_LINE \
    : PASS_COLUMNS * PASS_LINE)

/* As in attention.h: sums are registers where passes are unrolled, and a processor wins nothing by it. */
#if defined(ROLLED) && ROLLED
#define UNROLL_PASSES
#else
#define UNROLL_PASSES UNROLL
#endif

DEVICE void clear_sums(float4* sums)
{
    UNROLL for (int i = 0; i < QUADS * OWN; i++)
    {
        sums[i] = SPLAT4(0.0f);
    }
}

/* sums += DEPTH steps of left, by row, times right, by column. */
DEVICE void add_steps(LOCALP const float* left, LOCALP const float* right, int tx, int ty, float4* sums)
{
    UNROLL for (int k = 0; k < DEPTH; k++)
    {
        float4 l[QUADS];
        float r[OWN];
        UNROLL for (int q = 0; q < QUADS; q++)
        {
            l[q] = LDS4(left, k * LINE + (q * SIDE + ty) * 4);
        }

        UNROLL for (int g = 0; g < GROUPS; g++)
        {
#if COLUMNS / SIDE >= 4
            float4 four = LDS4(right, k * COLUMN_LINE + (g * SIDE + tx) * 4);
            r[g * 4] = four.x;
            r[g * 4 + 1] = four.y;
            r[g * 4 + 2] = four.z;
            r[g * 4 + 3] = four.w;
#else
            UNROLL for (int c = 0; c < GROUP; c++)
            {
                r[c] = right[k * COLUMN_LINE + tx * GROUP + c];
            }
#endif
        }

        UNROLL for (int i = 0; i < QUADS * OWN; i++)
        {
            sums[i] = f4_fma(l[i / OWN], r[i % OWN], sums[i]);
        }
    }
}

/* sums += block_sums */
DEVICE void add_block(const float4* block_sums, float4* sums)
{
    UNROLL for (int i = 0; i < QUADS * OWN; i++)
    {
        sums[i] = f4_add(sums[i], block_sums[i]);
    }
}

/* The sums of a pass to the block's memory, a column's rows side by side. */
DEVICE void stage_sums(LOCALP float* tile, const float4* sums, int pass, int tx, int ty)
{
    int first = pass / GROUPS * OWN + pass % GROUPS * GROUP;
    UNROLL for (int c = 0; c < GROUP; c++)
    {
        STS4(tile, (tx * GROUP + c) * PASS_LINE + ty * 4, sums[first + c]);
    }
}

#endif
