/* The functions that an operation can apply to its result, and their derivatives. Included by the families that do, and
 * by tiles_mma.h. Functions are numbered as in the enumeration Activation. */
#ifndef CN_ACTIVATIONS_H
#define CN_ACTIVATIONS_H

#define CN_NONE 0
#define CN_GELU 2
#define CN_QUICK_GELU 3
#define CN_GELU_TANH 4
#define CN_SIGMOID 5
#define CN_RELU 6
#define CN_TANH 7

/* The share of a normal distribution beyond t, 0 <= t <= 16, within 2e-8: its logarithm is so smooth that a polynomial
 * and one power of two do. The fit is that of the CPU's VectorMath.Gelu. */
DEVICE float cn_normal_tail(float t)
{
    float q = FMA(-1.838783799e-6f, t, 2.859828910e-5f);
    q = FMA(q, t, -1.406615379e-4f);
    q = FMA(q, t, -2.326492032e-4f);
    q = FMA(q, t, 7.169384659e-3f);
    q = FMA(q, t, -5.255610539e-2f);
    q = FMA(q, t, -0.4591929009f);
    q = FMA(q, t, -1.151106457f);
    return EXP2F(FMA(q, t, -1.0f));
}

/* x (1 + erf(x / sqrt 2)) / 2 as max(x, 0) - |x| F(-|x|): nothing cancels for negative x. Here and below bounds are
 * comparisons, because FMAXF drops a NaN. */
DEVICE float GELUF(float x)
{
    float t = FABSF(x);
    t = t > 16.0f ? 16.0f : t;
    return (x > 0.0f ? x : 0.0f) - t * cn_normal_tail(t);
}

/* F(x) + x exp(-x^2 / 2) / sqrt(2 pi) */
DEVICE float GELUF_SLOPE(float x)
{
    float t = FABSF(x);
    t = t > 16.0f ? 16.0f : t;
    float tail = cn_normal_tail(t);
    float density = 0.398942280401433f * EXPF(-0.5f * t * t);
    return FMA(x < 0.0f ? -t : t, density, x < 0.0f ? tail : 1.0f - tail);
}

/* With e = exp(2 x) - 1 = 2^n (2^r - 1) + (2^n - 1), tanh(x) is e / (e + 2), and small where x is. The fit of 2^r is
 * that of the CPU's VectorMath.Tanh. */
DEVICE float TANHF(float x)
{
    float y = (x < -10.0f ? -10.0f : x > 10.0f ? 10.0f : x) * 2.8853900817779268f;
    float n = FLOORF(y + 0.5f), r = y - n, power = AS_FLOAT((u32)((int)n + 127) << 23);
    float q = FMA(1.537000125e-4f, r, 1.340117146e-3f);
    q = FMA(q, r, 9.618383303e-3f);
    q = FMA(q, r, 5.550325746e-2f);
    q = FMA(q, r, 2.402264832e-1f);
    q = FMA(q, r, 6.931472071e-1f);
    float e = FMA(power, q * r, power - 1.0f);
    return e / (e + 2.0f);
}

/* The s of the sigmoid of s x that a function is made of; that of GELU with tanh is 2 sqrt(2 / pi) (1 + 0.044715 x^2).
 * Source: Hendrycks and Gimpel, 2016, arXiv:1606.08415. */
DEVICE float cn_slope(int function, float x)
{
    return function == CN_QUICK_GELU ? 1.702f
        : function == CN_GELU_TANH ? FMA(0.0713548162726f * x, x, 1.59576912160573f)
        : function == CN_TANH ? 2.0f : 1.0f;
}

/* x / (1 + exp(-s x)), for the sigmoid 1 over it: 0 at -inf. */
DEVICE float ACTIVATE(int function, float x)
{
    if (function == CN_NONE) { return x; }
    if (function == CN_GELU) { return GELUF(x); }
    if (function == CN_RELU) { return x < 0.0f ? 0.0f : x; }
    if (function == CN_TANH) { return TANHF(x); }
    x = x < -128.0f ? -128.0f : x;
    return (function == CN_SIGMOID ? 1.0f : x) / (1.0f + EXP2F(x * (-1.4426950408889634f * cn_slope(function, x))));
}

/* With w the sigmoid of s x: that of the sigmoid is w (1 - w), of tanh 4 w (1 - w), of the others w + x w (1 - w) times
 * the derivative of s x. From e = exp(-s |x|), for w (1 - w) is even. */
DEVICE float ACTIVATE_SLOPE(int function, float x)
{
    if (function == CN_NONE) { return 1.0f; }
    if (function == CN_GELU) { return GELUF_SLOPE(x); }
    if (function == CN_RELU) { return x > 0.0f ? 1.0f : x <= 0.0f ? 0.0f : x; }
    float a = FABSF(x);
    a = a > 104.0f ? 104.0f : a;
    float slope = cn_slope(function, a), e = EXP2F(a * (-1.4426950408889634f * slope));
    float w = 1.0f / (1.0f + e), ew = e * w;
    if (function == CN_SIGMOID) { return ew * w; }
    if (function == CN_TANH) { return 4.0f * ew * w; }
    float of_product = function == CN_GELU_TANH ? FMA(0.214064448818f * a, a, 1.59576912160573f) : slope;
    return FMA((x < 0.0f ? -a : a) * of_product, ew * w, x < 0.0f ? ew : w);
}
#endif
