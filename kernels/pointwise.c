/* Element by element functions. Contract: PointwiseContract.cs. All are limited by memory: each element is read and
 * written once, by one thread, so results may be written over operands. Blocks of 256 threads take 1024 elements.
 *
 * Modules: as it is, and ACT=1 for activate, binary, linear_combination and geglu alone.
 */
#include "prelude.h"
#include "activations.h"

KERNEL(pointwise_activate, 256, 1, 1)(IN(act_t, x), OUT(act_t, y), i64 count, int function)
{
    AT(x);
    AT(y);
    ELEMENTS(i, count) { STOREA(y, i, ACTIVATE(function, LOADA(x, i))); }
}

/* y = a + b, a - b or a b for operation 0, 1 or 2. Axes of extent 1 are gone and neighbours merged, so that the
 * innermost, axis 0, is as long as it can be; axes counts what is left. The steps of the outermost come last. */
KERNEL(pointwise_binary, 256, 1, 1)(
    IN(act_t, a), IN(act_t, b), OUT(act_t, y), i64 count, int operation, int axes, i64 extent0, i64 extent1,
    i64 extent2, i64 a0, i64 a1, i64 a2, i64 a_outer, i64 b0, i64 b1, i64 b2, i64 b_outer)
{
    AT(a);
    AT(b);
    AT(y);
    ELEMENTS(i, count)
    {
        i64 rest = i, next, from_a = 0, from_b = 0;
        if (axes > 1)
        {
            next = rest / extent0;
            from_a = (rest - next * extent0) * a0;
            from_b = (rest - next * extent0) * b0;
            rest = next;
        }
        if (axes > 2)
        {
            next = rest / extent1;
            from_a += (rest - next * extent1) * a1;
            from_b += (rest - next * extent1) * b1;
            rest = next;
        }
        if (axes > 3)
        {
            next = rest / extent2;
            from_a += (rest - next * extent2) * a2;
            from_b += (rest - next * extent2) * b2;
            rest = next;
        }
        float v = LOADA(a, from_a + rest * a_outer), w = LOADA(b, from_b + rest * b_outer);
        STOREA(y, i, operation == 0 ? v + w : operation == 1 ? v - w : v * w);
    }
}

/* Terms beyond the count are null. */
KERNEL(pointwise_linear_combination, 256, 1, 1)(
    IN(act_t, x0), IN(act_t, x1), IN(act_t, x2), IN(act_t, x3), IN(act_t, x4), IN(act_t, x5), IN(act_t, x6),
    IN(act_t, x7), OUT(act_t, y), i64 count, int terms, float f0, float f1, float f2, float f3, float f4, float f5,
    float f6, float f7)
{
    AT(x0);
    AT(x1);
    AT(x2);
    AT(x3);
    AT(x4);
    AT(x5);
    AT(x6);
    AT(x7);
    AT(y);
    ELEMENTS(i, count)
    {
        float sum = f0 * LOADA(x0, i);
        if (terms > 1) { sum = FMA(f1, LOADA(x1, i), sum); }
        if (terms > 2) { sum = FMA(f2, LOADA(x2, i), sum); }
        if (terms > 3) { sum = FMA(f3, LOADA(x3, i), sum); }
        if (terms > 4) { sum = FMA(f4, LOADA(x4, i), sum); }
        if (terms > 5) { sum = FMA(f5, LOADA(x5, i), sum); }
        if (terms > 6) { sum = FMA(f6, LOADA(x6, i), sum); }
        if (terms > 7) { sum = FMA(f7, LOADA(x7, i), sum); }
        STOREA(y, i, sum);
    }
}

/* x is [rows, 2 columns]: values, then gates. count is that of y. */
KERNEL(pointwise_geglu, 256, 1, 1)(IN(act_t, x), OUT(act_t, y), i64 count, int columns)
{
    AT(x);
    AT(y);
    ELEMENTS(i, count)
    {
        i64 value = i + i / columns * columns;
        STOREA(y, i, LOADA(x, value) * GELUF(LOADA(x, value + columns)));
    }
}

#if ACT == 0
KERNEL(pointwise_activate_backward, 256, 1, 1)(IN(float, x), IN(float, dy), OUT(float, dx), i64 count, int function)
{
    AT(x);
    AT(dy);
    AT(dx);
    ELEMENTS(i, count) { dx[i] = ACTIVATE_SLOPE(function, x[i]) * dy[i]; }
}

KERNEL(pointwise_geglu_backward, 256, 1, 1)(IN(float, x), IN(float, dy), OUT(float, dx), i64 count, int columns)
{
    AT(x);
    AT(dy);
    AT(dx);
    ELEMENTS(i, count)
    {
        i64 at = i + i / columns * columns;
        float value = x[at], gate = x[at + columns], g = dy[i];
        dx[at] = g * GELUF(gate);
        dx[at + columns] = g * value * GELUF_SLOPE(gate);
    }
}

/* dy is one number; dx or dtarget may be null. */
KERNEL(pointwise_squared_error_backward, 256, 1, 1)(
    IN(float, x), IN(float, target), IN(float, dy), OUT(float, dx), OUT(float, dtarget), i64 count, float factor)
{
    AT(x);
    AT(target);
    AT(dy);
    AT(dx);
    AT(dtarget);
    float twice = 2.0f * factor * dy[0];
    ELEMENTS(i, count)
    {
        float g = (x[i] - target[i]) * twice;
        if (dx) { dx[i] = g; }
        if (dtarget) { dtarget[i] = -g; }
    }
}

KERNEL(pointwise_moving_average, 256, 1, 1)(IN(float, x), OUT(float, average), i64 count, float share)
{
    AT(x);
    AT(average);
    ELEMENTS(i, count)
    {
        float reached = average[i];
        average[i] = FMA(x[i] - reached, share, reached);
    }
}

/* binary16 to binary32, exact; a signalling NaN becomes quiet. In integers, because a device may flush denormals. */
DEVICE u32 widen_half(u32 h)
{
    u32 sign = (h & 0x8000u) << 16, magnitude = h & 0x7fffu;
    if (magnitude >= 0x7c00u)
    {
        return sign | 0x7f800000u | (magnitude << 13) | (magnitude > 0x7c00u ? 0x00400000u : 0u);
    }
    if (magnitude < 0x0400u)
    {
        return sign | AS_UINT((float)(int)magnitude * 5.9604644775390625e-8f);
    }
    return sign | ((magnitude << 13) + 0x38000000u);
}

/* binary32 to binary16, rounded to nearest, ties to even. Below 2^-14 the adder rounds: the last bit of a sum with 1/2
 * is that of a denormal. Above, an integer addition does. */
DEVICE u32 narrow_half(u32 bits)
{
    u32 sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
    {
        return sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu);
    }
    if (magnitude >= 0x47800000u)
    {
        return sign | 0x7c00u;
    }
    if (magnitude < 0x38800000u)
    {
        return sign | (AS_UINT(AS_FLOAT(magnitude) + 0.5f) - 0x3f000000u);
    }
    return sign | ((magnitude + ((magnitude >> 13) & 1u) + 0xc8000fffu) >> 13);
}

/* Types are the numbers of DType: 0 F32, 1 F16, 2 BF16. Elements start at x_at and y_at, counted in their own type. */
KERNEL(pointwise_cast, 256, 1, 1)(IN(u32, x), OUT(u32, y), i64 count, int from, int to)
{
    GLOBAL const u16* x16 = (GLOBAL const u16*)x;
    GLOBAL u16* y16 = (GLOBAL u16*)y;
    ELEMENTS(i, count)
    {
        u32 bits = from == 0 ? x[x_at + i] : x16[x_at + i];
        bits = from == 1 ? widen_half(bits) : from == 2 ? bits << 16 : bits;
        if (to == 0)
        {
            y[y_at + i] = bits;
        }
        else
        {
            y16[y_at + i] = to == 1 ? (u16)narrow_half(bits) : f2bf(AS_FLOAT(bits));
        }
    }
}
#endif
