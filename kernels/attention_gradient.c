/* Gradients of attention without a score matrix. Source: Dao et al., 2022, arXiv:2205.14135. Tiles are those of
 * attention.h.
 *
 * Modules: CHUNKS=1 or 4, with ROLLED=1 where the device is a processor; attention_gradient_delta with CHUNKS=1
 * alone. */
#include "prelude.h"
#include "attention.h"

/* The weight p of a column for a row, or, with slopes, its gradient p (dp - delta). Subtracted one by one, because a
 * large score would swallow the logarithm. */
DEVICE float weigh(float score, float dp, float largest, float log_total, float delta, int with_slopes)
{
    float p = EXP2F(score - largest - log_total);
    return with_slopes ? p * (dp - delta) : p;
}

/* result = factor * the sum over columns of weights times values, which all three gradients are:
 *
 *   of    rows  columns  row_slopes  column_slopes  values  factor  weights
 *   q     q     k        dy          v              k       scale   p (dp - delta)
 *   k     k     q        v           dy             q       scale   p (dp - delta)
 *   v     k     q        null        null           dy      1       p
 *
 * with dp the product of the slopes. Scores are rows times columns, each with its factor: of queries the scale times
 * log2(e), of keys 1. sums and delta are what attention_forward and attention_gradient_delta left; delta may be null
 * without slopes. */
KERNEL(attention_gradient, 16, 16, 1)(
    IN(float, rows), IN(float, columns), IN(float, row_slopes), IN(float, column_slopes), IN(float, values),
    IN(float, sums), IN(float, delta), OUT(float, result), int heads, int row_count, int column_count, int width,
    int slices, float row_factor, float column_factor, float factor, int rows_are_keys, int causal)
{
    AT(rows);
    AT(columns);
    AT(row_slopes);
    AT(column_slopes);
    AT(values);
    AT(sums);
    AT(delta);
    AT(result);
    LOCAL_ARRAY(float, weights, TILE * LINE);
    LOCAL_ARRAY(float, staged, VALUE_DEPTH * LINE);
    int tx = TID_X, ty = TID_Y;

    tile_t tile = tile_of(BID_X, row_count, column_count, heads, width, slices);
    int first_row = tile.first, first_channel = tile.first_channel;
    i64 stride = tile.stride;
    int queries = rows_are_keys ? column_count : row_count;
    int with_slopes = row_slopes != 0;

    sums += (i64)tile.unit * 2 * queries;
    delta += (i64)tile.unit * queries;
    float4 largest = SPLAT4(0.0f), log_total = SPLAT4(0.0f), offset = SPLAT4(0.0f);
    if (!rows_are_keys)
    {
        /* The last query stands in for those a tile has too many of. */
        int q0 = first_row + ty * 4, last = queries - 1;
        int q1 = q0 + 1 < last ? q0 + 1 : last, q2 = q0 + 2 < last ? q0 + 2 : last, q3 = q0 + 3 < last ? q0 + 3 : last;
        q0 = q0 < last ? q0 : last;
        largest = MK4(sums[q0], sums[q1], sums[q2], sums[q3]);
        log_total = MK4(sums[queries + q0], sums[queries + q1], sums[queries + q2], sums[queries + q3]);
        if (with_slopes)
        {
            offset = MK4(delta[q0], delta[q1], delta[q2], delta[q3]);
        }
    }

    float4 gradient[CHUNKS * 4];
    UNROLL for (int i = 0; i < CHUNKS * 4; i++)
    {
        gradient[i] = SPLAT4(0.0f);
    }

    int begin = causal && rows_are_keys ? first_row : 0;
    int end = causal && !rows_are_keys && first_row + TILE < column_count ? first_row + TILE : column_count;
    for (int first_column = begin; first_column < end; first_column += TILE)
    {
        int columns_here = end - first_column < TILE ? end - first_column : TILE;
        i64 at = tile.other + first_column * stride;
        float4 scores[4], slopes[4];
        multiply(
            staged, rows + tile.at, tile.count, row_factor, columns + at, columns_here, column_factor, stride, width,
            tx, ty, scores);
        if (with_slopes)
        {
            multiply(
                staged, row_slopes + tile.at, tile.count, 1.0f, column_slopes + at, columns_here, 1.0f, stride, width,
                tx, ty, slopes);
        }
        else
        {
            UNROLL for (int c = 0; c < 4; c++)
            {
                slopes[c] = SPLAT4(0.0f);
            }
        }

        UNROLL for (int c = 0; c < 4; c++)
        {
            int column = tx * 4 + c, query = first_column + column;
            if (rows_are_keys)
            {
                query = column < columns_here ? query : first_column;
                largest = SPLAT4(sums[query]);
                log_total = SPLAT4(sums[queries + query]);
                offset = SPLAT4(with_slopes ? delta[query] : 0.0f);
            }

            /* The rows of the tile that meet the column: a query sees keys up to its own place. */
            int apart = first_column + column - first_row;
            int from = causal && !rows_are_keys ? apart - ty * 4 : 0;
            int to = column >= columns_here ? 0 : causal && rows_are_keys ? apart + 1 - ty * 4 : 4;
            float4 s = scores[c], dp = slopes[c];
            float x = weigh(s.x, dp.x, largest.x, log_total.x, offset.x, with_slopes);
            float y = weigh(s.y, dp.y, largest.y, log_total.y, offset.y, with_slopes);
            float z = weigh(s.z, dp.z, largest.z, log_total.z, offset.z, with_slopes);
            float w = weigh(s.w, dp.w, largest.w, log_total.w, offset.w, with_slopes);
            STS4(
                weights, column * LINE + ty * 4,
                MK4(from <= 0 && to > 0 ? x : 0.0f, from <= 1 && to > 1 ? y : 0.0f, from <= 2 && to > 2 ? z : 0.0f,
                    from <= 3 && to > 3 ? w : 0.0f));
        }

        add_values(
            weights, staged, values + at + first_channel, columns_here, stride, width - first_channel, SPLAT4(1.0f), tx,
            ty, gradient);
    }

    store_sums(
        result + tile.at + first_channel, stride, tile.count, width - first_channel, SPLAT4(factor), tx, ty, gradient);
}

#if CHUNKS == 1
/* delta [batch][heads][queries] = the sum of dy y over the channels of a head. One thread a query, ceil(count / 64)
 * blocks. */
KERNEL(attention_gradient_delta, 64, 1, 1)(
    IN(float, y), IN(float, dy), OUT(float, delta), i64 count, int heads, int queries, int width)
{
    AT(y);
    AT(dy);
    AT(delta);
    i64 e = (i64)BID_X * 64 + TID_X;
    if (e < count)
    {
        int query = (int)(e % queries), unit = (int)(e / queries);
        i64 row = (((i64)(unit / heads) * queries + query) * heads + unit % heads) * width;
        float sum = 0.0f;
        for (int c = 0; c < width; c++)
        {
            sum = FMA(dy[row + c], y[row + c], sum);
        }

        delta[e] = sum;
    }
}
#endif
