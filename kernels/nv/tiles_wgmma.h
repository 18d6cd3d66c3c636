/* Tiles of products by wgmma: what matmul_wgmma.c and conv2d_wgmma.c have in common.
 *
 * A block makes ROWS x COLUMNS results. Its first eight warps multiply, four of them 64 rows, with sums in registers;
 * the ninth has TMA copy what they multiply, DEPTH steps at a time, into a ring of STAGES in the block's memory. Each
 * stage has two signals: it is full when its bytes have landed, and empty when each of the eight warps has read it.
 * Each sum runs over its steps in order, 16 at a time, whatever the tile: which tile a launch takes changes no bit.
 *
 * At the end sums pass through the same memory in float32, so that what is stored is whole lines.
 *
 * COLUMNS are given: 256, 160, 128 or 64. A launch gives DYNAMIC_BYTES, of which WgmmaTiles.cs knows. */
#ifndef CN_TILES_WGMMA_H
#define CN_TILES_WGMMA_H

#define THREADS 288
#define ROWS 128
#define WARPS 8
#include "results.h"

#define DEPTH 64
#define LINE_BYTES 128
#define STAGE_BYTES ((ROWS + COLUMNS) * LINE_BYTES)
/* Two blocks to a multiprocessor of 228 KiB, of the widest tile one, whose sums fill the registers. */
#if COLUMNS == 256 || COLUMNS == 64
#define STAGES 4
#else
#define STAGES 3
#endif
#define ALIGNMENT 1024
#define DYNAMIC_BYTES (ALIGNMENT + STAGES * (STAGE_BYTES + 16))

/* Sums of a lane. */
typedef float sums_t[COLUMNS / 2];

/* Stages, then for each a signal that it is full and one that it is empty. */
DEVICE shared_t full_of(shared_t ring, int stage) { return ring + STAGES * STAGE_BYTES + stage * 16; }
DEVICE shared_t empty_of(shared_t ring, int stage) { return full_of(ring, stage) + 8; }

/* sums = the products of so many stages, of which fetch(source, rows, columns, signal) queues the next; ring is
 * aligned to ALIGNMENT. Behind it nobody uses the ring any more. */
template <typename Source> DEVICE void sum_stages(shared_t ring, Source& source, int stages, sums_t& sums)
{
    if (TID_X == 0)
    {
        UNROLL for (int i = 0; i < STAGES; i++)
        {
            signal_make(full_of(ring, i), 1);
            signal_make(empty_of(ring, i), WARPS);
        }

        signals_made();
    }

    BARRIER();
    int stage = 0;
    u32 phase = 0;
    if (WARP == WARPS)
    {
        if (LANE == 0)
        {
            for (; stages > 0; stages--)
            {
                shared_t to = ring + stage * STAGE_BYTES, full = full_of(ring, stage);
                signal_wait(empty_of(ring, stage), phase ^ 1);
                signal_expect(full, STAGE_BYTES);
                fetch(source, to, to + ROWS * LINE_BYTES, full);
                stage = stage + 1 == STAGES ? 0 : stage + 1;
                phase ^= stage == 0;
            }
        }

        warp_join();
    }
    else
    {
        UNROLL for (int i = 0; i < COLUMNS / 2; i++)
        {
            sums[i] = 0.0f;
        }

        int last = -1;
        for (; stages > 0; stages--)
        {
            signal_wait(full_of(ring, stage), phase);
            shared_t rows = ring + stage * STAGE_BYTES;
            u64 a = descriptor(rows + WARP / 4 * 64 * LINE_BYTES), b = descriptor(rows + ROWS * LINE_BYTES);
            products_begin();
            UNROLL for (int k = 0; k < DEPTH / 16; k++)
            {
                product(sums, a + k * 2, b + k * 2);
            }

            products_end();
            /* The stage before has been read: it may be copied to while this one is multiplied. */
            products_pass(1);
            if (last >= 0 && LANE == 0)
            {
                signal_arrive(empty_of(ring, last));
            }

            last = stage;
            stage = stage + 1 == STAGES ? 0 : stage + 1;
            phase ^= stage == 0;
        }

        products_wait(sums);
    }

    BARRIER();
}

/* Stores a tile by way of the ring. All threads come by. */
DEVICE void store_tile(float* ring, const sums_t& sums, const result_t& result, int first_row, int first_column)
{
    if (WARP < WARPS)
    {
        UNROLL for (int j = 0; j < COLUMNS / 8; j++)
        {
            float* to = ring + (WARP * 16 + LANE / 4) * SUM_LINE + j * 8 + LANE % 4 * 2;
            to[0] = sums[j * 4];
            to[1] = sums[j * 4 + 1];
            to[8 * SUM_LINE] = sums[j * 4 + 2];
            to[8 * SUM_LINE + 1] = sums[j * 4 + 3];
        }
    }

    BARRIER();
    store_sums<ROWS>(ring, result, first_row, first_column);
}
#endif
