/* Attention and its gradients without a score matrix. Source: Dao et al., 2022, arXiv:2205.14135.
 *
 * A block of 16 x 16 threads has TILE rows of one head, queries or keys, and goes through the other side TILE columns
 * at a time. A tile of scores is a product over the channels of a head; weights made of it lie in the block's memory, a
 * column's rows side by side, and are multiplied with the columns' values. A thread has four rows and four columns of
 * scores, and of each CHUNK channels of the result four rows and four channels, in registers.
 *
 * A block makes up to CHUNKS * CHUNK channels of its rows; a wider head is cut into slices, each with scores of its
 * own. Tensors are [batch][tokens][heads * width]. One block a tile, in one dimension: tiles of rows innermost, then
 * slices, then heads, then the batch.
 *
 * Modules: CHUNKS=1 or 4, with ROLLED=1 where the device is a processor; attention_delta with CHUNKS=1 alone. */
#include "prelude.h"

#ifndef CHUNKS
#define CHUNKS 1
#endif
#ifndef ROLLED
#define ROLLED 0
#endif
#define TILE 64
#define CHUNK 64
#define DEPTH 16
#define VALUE_DEPTH 32
#define THREADS 256
#define LINE (TILE + 4)
#define LOG2E 1.4426950408889634f

/* Sums are registers only where the loop over them is unrolled. A processor has none to win by it, and its compiler,
 * which multiplies the code between barriers, takes minutes. */
#if ROLLED
#define UNROLL_CHUNKS
#else
#define UNROLL_CHUNKS UNROLL
#endif

/* The score of what a query does not see: its weight is 0 beside any score there is. */
#define HIDDEN -3.0e38f

DEVICE float4 f4_max(float4 a, float4 b)
{
    return MK4(FMAXF(a.x, b.x), FMAXF(a.y, b.y), FMAXF(a.z, b.z), FMAXF(a.w, b.w));
}

DEVICE float4 f4_scale(float4 a, float4 b) { return MK4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w); }

/* 2^(a - b) */
DEVICE float4 f4_exp2(float4 a, float4 b)
{
    return MK4(EXP2F(a.x - b.x), EXP2F(a.y - b.y), EXP2F(a.z - b.z), EXP2F(a.w - b.w));
}

/* products[c] += DEPTH steps of left, four rows in a vector, by column or channel c of right. */
DEVICE void add_steps(LOCALP const float* left, LOCALP const float* right, int tx, int ty, float4* products)
{
    UNROLL for (int k = 0; k < DEPTH; k++)
    {
        float4 l = LDS4(left, k * LINE + ty * 4);
        float4 r = LDS4(right, k * LINE + tx * 4);
        products[0] = f4_fma(l, r.x, products[0]);
        products[1] = f4_fma(l, r.y, products[1]);
        products[2] = f4_fma(l, r.z, products[2]);
        products[3] = f4_fma(l, r.w, products[3]);
    }
}

/* DEPTH channels of up to TILE tokens, times factor, a channel's tokens side by side. */
DEVICE void load_channels(
    LOCALP float* to, GLOBAL const float* from, i64 stride, int count, int channels, float factor, int tx, int ty)
{
    UNROLL for (int i = 0; i < TILE / 16; i++)
    {
        int token = ty + i * 16;
        to[tx * LINE + token] = token < count && tx < channels ? from[token * stride + tx] * factor : 0.0f;
    }
}

/* products[c] = rows times column c over the channels of a head. The steps of a sum and the factors are the same
 * whichever side queries are on, and so are the bits of a score. */
DEVICE void multiply(
    LOCALP float* staged, GLOBAL const float* rows, int row_count, float row_factor, GLOBAL const float* columns,
    int column_count, float column_factor, i64 stride, int width, int tx, int ty, float4* products)
{
    UNROLL for (int c = 0; c < 4; c++)
    {
        products[c] = SPLAT4(0.0f);
    }

    for (int first = 0; first < width; first += DEPTH)
    {
        BARRIER();
        load_channels(staged, rows + first, stride, row_count, width - first, row_factor, tx, ty);
        load_channels(
            staged + DEPTH * LINE, columns + first, stride, column_count, width - first, column_factor, tx, ty);
        BARRIER();
        add_steps(staged, staged + DEPTH * LINE, tx, ty, products);
    }
}

/* sums = keep * sums + weights times values. values are count columns of a tile, and channels of them are wanted. */
DEVICE void add_values(
    LOCALP const float* weights, LOCALP float* staged, GLOBAL const float* values, int count, i64 stride, int channels,
    float4 keep, int tx, int ty, float4* sums)
{
    UNROLL_CHUNKS for (int chunk = 0; chunk < CHUNKS; chunk++)
    {
        int steps = chunk * CHUNK < channels ? count : 0;
        float4 products[4];
        UNROLL for (int c = 0; c < 4; c++)
        {
            products[c] = SPLAT4(0.0f);
        }

        for (int first = 0; first < steps; first += VALUE_DEPTH)
        {
            BARRIER();
            for (int e = ty * 16 + tx; e < VALUE_DEPTH * CHUNK; e += THREADS)
            {
                int column = e / CHUNK, channel = chunk * CHUNK + e % CHUNK;
                staged[column * LINE + e % CHUNK] = first + column < count && channel < channels
                    ? values[(first + column) * stride + channel]
                    : 0.0f;
            }

            BARRIER();
            for (int part = 0; part < VALUE_DEPTH; part += DEPTH)
            {
                add_steps(weights + (first + part) * LINE, staged + part * LINE, tx, ty, products);
            }
        }

        UNROLL for (int c = 0; c < 4; c++)
        {
            sums[chunk * 4 + c] = f4_add(f4_scale(sums[chunk * 4 + c], keep), products[c]);
        }
    }
}

/* Stores the sums of this thread, times factor, in the rows and channels there are. */
DEVICE void store_sums(
    GLOBAL float* to, i64 stride, int count, int channels, float4 factor, int tx, int ty, const float4* sums)
{
    UNROLL for (int i = 0; i < CHUNKS * 4; i++)
    {
        int channel = i / 4 * CHUNK + tx * 4 + i % 4, row = ty * 4;
        if (channel < channels)
        {
            float4 v = f4_scale(sums[i], factor);
            GLOBAL float* at = to + row * stride + channel;
            if (row < count)
            {
                at[0] = v.x;
            }

            if (row + 1 < count)
            {
                at[stride] = v.y;
            }

            if (row + 2 < count)
            {
                at[2 * stride] = v.z;
            }

            if (row + 3 < count)
            {
                at[3 * stride] = v.w;
            }
        }
    }
}

/* y = softmax(q k^T) v with scores times factor, the scale times log2(e), so that weights are powers of two. Rows are
 * queries. Softmax is online, Milakov and Gimelshein, 2018, arXiv:1805.02867: what was summed is brought down whenever
 * a larger score turns up. sums [batch][heads][2][queries], which may be null, gets the largest score of a query, and
 * log2 of the sum of its weights relative to that. */
KERNEL(attention_forward, 16, 16, 1)(
    IN(float, q), IN(float, k), IN(float, v), OUT(float, y), OUT(float, sums), int heads, int queries, int keys,
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

    int tiles = (queries + TILE - 1) / TILE;
    int first_query = BID_X % tiles * TILE, slice = BID_X / tiles % slices, unit = BID_X / tiles / slices;
    int batch = unit / heads, head = unit % heads;
    int first_channel = slice * CHUNKS * CHUNK;
    i64 stride = (i64)heads * width;
    i64 query_at = ((i64)batch * queries + first_query) * stride + head * width;
    i64 key_at = (i64)batch * keys * stride + head * width;
    int query_count = queries - first_query < TILE ? queries - first_query : TILE;
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
            staged, q + query_at, query_count, factor, k + key_at + first_key * stride, key_count, 1.0f, stride, width,
            tx, ty, scores);
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
            weights, staged, v + key_at + first_key * stride + first_channel, key_count, stride, width - first_channel,
            keep, tx, ty, result);
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
        y + query_at + first_channel, stride, query_count, width - first_channel,
        MK4(1.0f / total.x, 1.0f / total.y, 1.0f / total.z, 1.0f / total.w), tx, ty, result);
    if (sums && slice == 0 && tx == 0)
    {
        GLOBAL float* of_largest = sums + (i64)unit * 2 * queries + first_query + ty * 4;
        GLOBAL float* of_total = of_largest + queries;
        int rows = query_count - ty * 4;
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
 * log2(e), of keys 1. sums and delta are what attention_forward and attention_delta left; delta may be null without
 * slopes. */
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

    int tiles = (row_count + TILE - 1) / TILE;
    int first_row = BID_X % tiles * TILE, slice = BID_X / tiles % slices, unit = BID_X / tiles / slices;
    int batch = unit / heads, head = unit % heads;
    int first_channel = slice * CHUNKS * CHUNK;
    i64 stride = (i64)heads * width;
    i64 row_at = ((i64)batch * row_count + first_row) * stride + head * width;
    i64 column_at = (i64)batch * column_count * stride + head * width;
    int rows_here = row_count - first_row < TILE ? row_count - first_row : TILE;
    int queries = rows_are_keys ? column_count : row_count;
    int with_slopes = row_slopes != 0;

    sums += (i64)unit * 2 * queries;
    delta += (i64)unit * queries;
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
        i64 at = column_at + first_column * stride;
        float4 scores[4], slopes[4];
        multiply(
            staged, rows + row_at, rows_here, row_factor, columns + at, columns_here, column_factor, stride, width, tx,
            ty, scores);
        if (with_slopes)
        {
            multiply(
                staged, row_slopes + row_at, rows_here, 1.0f, column_slopes + at, columns_here, 1.0f, stride, width, tx,
                ty, slopes);
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
        result + row_at + first_channel, stride, rows_here, width - first_channel, SPLAT4(factor), tx, ty, gradient);
}

#if CHUNKS == 1
/* delta [batch][heads][queries] = the sum of dy y over the channels of a head. One thread a query, ceil(count / 64)
 * blocks. */
KERNEL(attention_delta, 64, 1, 1)(
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
