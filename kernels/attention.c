/* Attention without a score matrix. Source: Dao et al., 2022, arXiv:2205.14135. Tiles are those of attention.h.
 *
 * Modules: CHUNKS=1 or 4, also with ACT=1; each with ROLLED=1 where the device is a processor. */
#include "prelude.h"
#include "attention.h"

/* y = softmax(q k^T) v with scores times factor, the scale times log2(e), so that weights are powers of two. Rows are
 * queries. Softmax is online, Milakov and Gimelshein, 2018, arXiv:1805.02867: what was summed is brought down whenever
 * a larger score turns up. sums [batch][heads][2][queries], which may be null, gets the largest score of a query, and
 * log2 of the sum of its weights relative to that. */
KERNEL(attention_forward, 16, 16, 1)(
    IN(act_t, q), IN(act_t, k), IN(act_t, v), OUT(act_t, y), OUT(float, sums), int heads, int queries, int keys,
    int width, int slices, float factor, int causal)
{
    AT(q);
    AT(k);
    AT(v);
    AT(y);
    AT(sums);
    LOCAL_ARRAY(float, weights, TILE * LINE);
    LOCAL_ARRAY(float, staged, VALUE_DEPTH * LINE);
    int tx = TID_X, ty = TID_Y;

    tile_t tile = tile_of(BID_X, queries, keys, heads, width, slices);
    int first_query = tile.first, first_channel = tile.first_channel;
    i64 stride = tile.stride;
    int seen = causal && first_query + TILE < keys ? first_query + TILE : keys;

    float4 result[CHUNKS * 4];
    UNROLL for (int i = 0; i < CHUNKS * 4; i++)
    {
        result[i] = SPLAT4(0.0f);
    }

    float4 largest = SPLAT4(HIDDEN), total = SPLAT4(0.0f);
    for (int first_key = 0; first_key < seen; first_key += TILE)
    {
        int key_count = seen - first_key < TILE ? seen - first_key : TILE;
        float4 scores[4];
        multiply(
            staged, q + tile.at, tile.count, factor, k + tile.other + first_key * stride, key_count, 1.0f, stride,
            width, tx, ty, scores);
        float4 most = SPLAT4(HIDDEN);
        UNROLL for (int c = 0; c < 4; c++)
        {
            /* How many queries of the tile come before the key; all of them if it does not exist. */
            int before = tx * 4 + c >= key_count ? TILE : causal ? first_key + tx * 4 + c - first_query : 0;
            scores[c].x = ty * 4 < before ? HIDDEN : scores[c].x;
            scores[c].y = ty * 4 + 1 < before ? HIDDEN : scores[c].y;
            scores[c].z = ty * 4 + 2 < before ? HIDDEN : scores[c].z;
            scores[c].w = ty * 4 + 3 < before ? HIDDEN : scores[c].w;
            most = f4_max(most, scores[c]);
        }

        STS4(weights, tx * LINE + ty * 4, most);
        BARRIER();
        float4 before = largest;
        UNROLL for (int i = 0; i < 16; i++)
        {
            largest = f4_max(largest, LDS4(weights, i * LINE + ty * 4));
        }

        BARRIER();
        float4 keep = f4_exp2(before, largest);
        total = f4_scale(total, keep);
        UNROLL for (int c = 0; c < 4; c++)
        {
            float4 w = f4_exp2(scores[c], largest);
            total = f4_add(total, w);
            STS4(weights, (tx * 4 + c) * LINE + ty * 4, w);
        }

        add_values(
            weights, staged, v + tile.other + first_key * stride + first_channel, key_count, stride,
            width - first_channel, keep, tx, ty, result);
    }

    /* Each thread has summed the weights of its own columns. */
    BARRIER();
    STS4(weights, tx * LINE + ty * 4, total);
    BARRIER();
    total = SPLAT4(0.0f);
    UNROLL for (int i = 0; i < 16; i++)
    {
        total = f4_add(total, LDS4(weights, i * LINE + ty * 4));
    }

    store_sums(
        y + tile.at + first_channel, stride, tile.count, width - first_channel,
        MK4(1.0f / total.x, 1.0f / total.y, 1.0f / total.z, 1.0f / total.w), tx, ty, result);
    if (sums && tile.slice == 0 && tx == 0)
    {
        GLOBAL float* of_largest = sums + (i64)tile.unit * 2 * queries + first_query + ty * 4;
        GLOBAL float* of_total = of_largest + queries;
        int rows = tile.count - ty * 4;
        if (rows > 0)
        {
            of_largest[0] = largest.x;
            of_total[0] = LOGF(total.x) * LOG2E;
        }

        if (rows > 1)
        {
            of_largest[1] = largest.y;
            of_total[1] = LOGF(total.y) * LOG2E;
        }

        if (rows > 2)
        {
            of_largest[2] = largest.z;
            of_total[2] = LOGF(total.z) * LOG2E;
        }

        if (rows > 3)
        {
            of_largest[3] = largest.w;
            of_total[3] = LOGF(total.w) * LOG2E;
        }
    }
}
