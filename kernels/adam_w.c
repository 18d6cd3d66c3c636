/* One step of AdamW. Contract: AdamWContract.cs, which also says what the factors are. */
#include "prelude.h"

/* A product that is rounded by itself: no compiler may join an addition to it. Means that cancel feel the difference,
 * and a step gives what it gives on the CPU. */
DEVICE float product(float a, float b) { return FMA(a, b, 0.0f); }

KERNEL(adam_w_step, 256, 1, 1)(
    IN(float, gradient), OUT(float, parameter), OUT(float, mean), OUT(float, square), i64 count,
    float gradient_scale, float beta1, float rest1, float beta2, float rest2, float keep, float rate,
    float root_scale, float eps)
{
    AT(gradient);
    AT(parameter);
    AT(mean);
    AT(square);
    ELEMENTS(i, count)
    {
        float g = product(gradient[i], gradient_scale);
        float m = product(mean[i], beta1) + product(g, rest1);
        float v = product(square[i], beta2) + product(product(g, g), rest2);
        float root = product(SQRTF(v), root_scale) + eps;
        mean[i] = m;
        square[i] = v;
        parameter[i] = product(parameter[i], keep) - product(m, rate) / root;
    }
}
