/* Sums along an axis, softmax and what training measures. Contract: ReduceContract.cs.
 *
 * x is seen as columns of [outer, length, inner]: column o * inner + i has its elements inner apart. A block of 128
 * threads has a team of lanes threads, a power of two, for each of some columns. The lanes of a column are neighbours
 * where inner is 1 and the columns are elsewhere, so that neighbours read neighbouring elements in both cases.
 *
 * Modules: as it is, and ACT=1 for sum and softmax alone.
 */
#include "prelude.h"

#define BLOCK 128

/* Where a thread stands: its column, its lane, and how many threads on the next lane is. */
typedef struct
{
    i64 column;
    int lane, step;
} place_t;
DEVICE place_t place_of(i64 block, i64 inner, int lanes)
{
    int teams = BLOCK / lanes, thread = TID_X;
    place_t p;
    p.lane = inner == 1 ? thread % lanes : thread / teams;
    p.step = inner == 1 ? 1 : teams;
    p.column = block * teams + (inner == 1 ? thread / lanes : thread % teams);
    return p;
}

/* scale times the sum of each part of each column, [outer, parts, inner]; a block's parts are neighbours. With paired
 * & 1 the elements of x are pairs of floats, a sum and its rest, with paired & 2 those of y. */
KERNEL(reduce_sum, BLOCK, 1, 1)(
    IN(act_t, x), OUT(act_t, y), i64 columns, int length, i64 inner, int part_length, int parts, int lanes,
    int paired, float scale)
{
    LOCAL_ARRAY(float, heads, BLOCK);
    LOCAL_ARRAY(float, rests, BLOCK);
    GLOBAL const float* x_pairs = (GLOBAL const float*)x + x_at;
    GLOBAL float* y_pairs = (GLOBAL float*)y + y_at;
    AT(x);
    AT(y);
    i64 group = BID_X / parts;
    int part = BID_X % parts;
    place_t at = place_of(group, inner, lanes);
    i64 outer = at.column / inner, column = at.column - outer * inner;
    sum_t sum = sum_of(0.0f, 0.0f);
    if (at.column < columns)
    {
        i64 first = (i64)part * part_length, end = first + part_length < length ? first + part_length : length;
        i64 start = outer * length * inner + column;
        for (i64 l = first + at.lane; l < end; l += lanes)
        {
            i64 from = start + l * inner;
            sum = paired & 1 ? sum_join(sum, sum_of(x_pairs[2 * from], x_pairs[2 * from + 1]))
                             : sum_add(sum, LOADA(x, from));
        }
    }
    sum = team_sum(heads, rests, sum, at.lane, lanes, at.step);
    if (at.column < columns && at.lane == 0)
    {
        i64 to = (outer * parts + part) * inner + column;
        if (paired & 2)
        {
            y_pairs[2 * to] = sum.head;
            y_pairs[2 * to + 1] = sum.rest;
        }
        else
        {
            STOREA(y, to, sum_times(sum, scale));
        }
    }
}

/* The largest of a team, as team_sum has the sum. */
DEVICE float team_largest(LOCALP float* values, float v, int lane, int lanes, int step)
{
    int at = TID_X;
    values[at] = v;
    BARRIER();
    for (int reach = lanes / 2; reach > 0; reach /= 2)
    {
        if (lane < reach)
        {
            v = FMAXF(v, values[at + reach * step]);
            values[at] = v;
        }
        BARRIER();
    }
    v = values[at - lane * step];
    BARRIER();
    return v;
}

/* y may be x: a thread reads and writes the same elements. A column that has a NaN becomes NaN through its sum. */
KERNEL(reduce_softmax, BLOCK, 1, 1)(IN(act_t, x), OUT(act_t, y), i64 columns, int length, i64 inner, int lanes)
{
    LOCAL_ARRAY(float, heads, BLOCK);
    LOCAL_ARRAY(float, rests, BLOCK);
    AT(x);
    AT(y);
    place_t at = place_of(BID_X, inner, lanes);
    i64 outer = at.column / inner;
    i64 start = outer * length * inner + (at.column - outer * inner);
    i64 end = at.column < columns ? length : 0;
    float largest = -INFINITY;
    for (i64 l = at.lane; l < end; l += lanes)
    {
        largest = FMAXF(largest, LOADA(x, start + l * inner));
    }
    largest = team_largest(heads, largest, at.lane, lanes, at.step);
    sum_t sum = sum_of(0.0f, 0.0f);
    for (i64 l = at.lane; l < end; l += lanes)
    {
        sum = sum_add(sum, EXPF(LOADA(x, start + l * inner) - largest));
    }
    sum = team_sum(heads, rests, sum, at.lane, lanes, at.step);
    float factor = 1.0f / sum_value(sum);
    for (i64 l = at.lane; l < end; l += lanes)
    {
        /* Taken once more: kept in y in between, it would be rounded twice. */
        STOREA(y, start + l * inner, EXPF(LOADA(x, start + l * inner) - largest) * factor);
    }
}

#if ACT == 0
/* count is that of dx, dx[o, l, i] = scale dy[o, i]. */
KERNEL(reduce_sum_backward, 256, 1, 1)(IN(float, dy), OUT(float, dx), i64 count, int length, i64 inner, float scale)
{
    AT(dy);
    AT(dx);
    ELEMENTS(i, count)
    {
        i64 line = i / inner;
        dx[i] = scale * dy[line / length * inner + (i - line * inner)];
    }
}

/* dx = y (dy - sum of y dy); dx may be dy. */
KERNEL(reduce_softmax_backward, BLOCK, 1, 1)(
    IN(float, y), IN(float, dy), OUT(float, dx), i64 columns, int length, i64 inner, int lanes)
{
    LOCAL_ARRAY(float, heads, BLOCK);
    LOCAL_ARRAY(float, rests, BLOCK);
    AT(y);
    AT(dy);
    AT(dx);
    place_t at = place_of(BID_X, inner, lanes);
    i64 outer = at.column / inner;
    i64 start = outer * length * inner + (at.column - outer * inner);
    i64 end = at.column < columns ? length : 0;
    sum_t sum = sum_of(0.0f, 0.0f);
    for (i64 l = at.lane; l < end; l += lanes)
    {
        sum = sum_add(sum, y[start + l * inner] * dy[start + l * inner]);
    }
    float dot = sum_value(team_sum(heads, rests, sum, at.lane, lanes, at.step));
    for (i64 l = at.lane; l < end; l += lanes)
    {
        dx[start + l * inner] = y[start + l * inner] * (dy[start + l * inner] - dot);
    }
}

/* Sums of squares in three ranges of size, scaled so that no square and no sum of 2^32 of them leaves the range of
 * float32: from 2^45 on by 2^-84, below 2^-40 by 2^86, and between as they are. Source: Blue, 1978,
 * doi:10.1145/355769.355771. */
#define LARGE 35184372088832.0f
#define LARGE_SCALE 5.169878828456423e-26f
#define SMALL 9.094947017729282e-13f
#define SMALL_SCALE 7.737125245533627e25f

/* The sums over part_length elements for each block: three pairs, large, middle and small. The values are x, or x less
 * target where there is one. */
KERNEL(reduce_squares, BLOCK, 1, 1)(IN(float, x), IN(float, target), OUT(float, sums), i64 count, i64 part_length)
{
    LOCAL_ARRAY(float, heads, BLOCK);
    LOCAL_ARRAY(float, rests, BLOCK);
    AT(x);
    AT(target);
    AT(sums);
    i64 first = BID_X * part_length, end = first + part_length < count ? first + part_length : count;
    sum_t large = sum_of(0.0f, 0.0f), middle = large, small = large;
    for (i64 i = first + TID_X; i < end; i += BLOCK)
    {
        float v = target ? x[i] - target[i] : x[i], size = FABSF(v);
        if (size >= LARGE)
        {
            v *= LARGE_SCALE;
            large = sum_add(large, v * v);
        }
        else if (size < SMALL)
        {
            v *= SMALL_SCALE;
            small = sum_add(small, v * v);
        }
        else
        {
            middle = sum_add(middle, v * v);
        }
    }
    large = team_sum(heads, rests, large, TID_X, BLOCK, 1);
    middle = team_sum(heads, rests, middle, TID_X, BLOCK, 1);
    small = team_sum(heads, rests, small, TID_X, BLOCK, 1);
    if (TID_X == 0)
    {
        sums += (i64)BID_X * 6;
        sums[0] = large.head;
        sums[1] = large.rest;
        sums[2] = middle.head;
        sums[3] = middle.rest;
        sums[4] = small.head;
        sums[5] = small.rest;
    }
}

/* One block: y[0] = factor times the sum of all parts, or with root the root of the sum. */
KERNEL(reduce_squares_join, BLOCK, 1, 1)(IN(float, sums), OUT(float, y), int parts, int root, float factor)
{
    LOCAL_ARRAY(float, heads, BLOCK);
    LOCAL_ARRAY(float, rests, BLOCK);
    AT(sums);
    AT(y);
    sum_t large = sum_of(0.0f, 0.0f), middle = large, small = large;
    for (i64 part = TID_X; part < parts; part += BLOCK)
    {
        large = sum_join(large, sum_of(sums[part * 6], sums[part * 6 + 1]));
        middle = sum_join(middle, sum_of(sums[part * 6 + 2], sums[part * 6 + 3]));
        small = sum_join(small, sum_of(sums[part * 6 + 4], sums[part * 6 + 5]));
    }
    large = team_sum(heads, rests, large, TID_X, BLOCK, 1);
    middle = team_sum(heads, rests, middle, TID_X, BLOCK, 1);
    small = team_sum(heads, rests, small, TID_X, BLOCK, 1);
    if (TID_X == 0)
    {
        /* In the unit of the largest range that has anything. The next may add digits, the one after it not. */
        float unit = 1.0f, sum = sum_value(middle) + sum_value(small) * LARGE_SCALE * LARGE_SCALE * 0.0625f;
        if (large.head > 0.0f)
        {
            unit = 1.0f / LARGE_SCALE;
            sum = sum_value(large) + sum_value(middle) * LARGE_SCALE * LARGE_SCALE;
        }
        else if (middle.head == 0.0f)
        {
            unit = 1.0f / SMALL_SCALE;
            sum = sum_value(small);
        }
        if (root)
        {
            /* One step of Newton's: SQRTF may be an approximation. */
            float s = SQRTF(sum);
            s = s > 0.0f && s < INFINITY ? s + 0.5f * FMA(-s, s, sum) / s : sum;
            y[0] = s * unit;
        }
        else
        {
            y[0] = sum * factor * unit * unit;
        }
    }
}
#endif
