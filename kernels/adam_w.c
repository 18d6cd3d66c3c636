/* One step of AdamW. Contract: AdamWContract.cs, which also says what the factors are. */
#include "prelude.h"

/* Roots and quotients are those of the language, not approximations: a square may be denormal. */
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
        float g = gradient[i] * gradient_scale;
        float m = mean[i] * beta1 + g * rest1;
        float v = square[i] * beta2 + g * g * rest2;
        float root = SQRTF(v) * root_scale + eps;
        mean[i] = m;
        square[i] = v;
        parameter[i] = parameter[i] * keep - m * rate / root;
    }
}
