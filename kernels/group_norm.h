/* What group norm and layer norm forwards and backwards have in common. Included by group_norm.c and
 * group_norm_gradient.c.
 *
 *   moments   [image][part][MOMENTS][channel]   of one part of a channel
 *   affine    [image][AFFINE][channel]          what the passes over x need to know of a channel
 */
#ifndef CN_GROUP_NORM_H
#define CN_GROUP_NORM_H

#define MOMENTS 3

/* A mean is two floats, the nearest and the rest: where it is 10,000 deviations the nearest alone is not enough. */
#define AFFINE 7
#define MEAN 0
#define FACTOR 1
#define SHIFT 2
#define RSTD 3
#define REST 4
#define SLOPE 5
#define OFFSET 6

/* 1 / sqrt(v) for v > 0: the approximation of the device and one step of Newton's. */
DEVICE float root_of_one_over(float v)
{
    float r = RSQRTF(v);
    return FMA(0.5f * r, FMA(-v * r, r, 1.0f), r);
}

/* Which channel of which part of which image a thread has: pixels of it, the first at from, the next channels on. */
typedef struct
{
    i64 image, image_part, channel, from;
    int pixels;
} part_t;

DEVICE part_t part_of(i64 thread, int spatial, int channels, int part_pixels, int parts)
{
    part_t part;
    part.image_part = thread / channels;
    part.channel = thread - part.image_part * channels;
    part.image = part.image_part / parts;
    int first = (int)(part.image_part - part.image * parts) * part_pixels;
    part.pixels = part_pixels < spatial - first ? part_pixels : spatial - first;
    part.from = (part.image * spatial + first) * channels + part.channel;
    return part;
}

/* Mean, rest and 1 / deviation of a row. */
typedef struct
{
    float mean, rest, rstd;
} moments_t;

/* Measures what the first mean lacks, and corrects both mean and variance by it. All threads of the block come by; a
 * team without a row has no channels. */
DEVICE moments_t row_moments(
    LOCALP float* heads, LOCALP float* rests, GLOBAL const act_t* x, int end, int channels, float eps, int lane,
    int lanes)
{
    float count = (float)channels;
    sum_t sum = sum_of(0.0f, 0.0f), squares = sum;
    for (int c = lane; c < end; c += lanes)
    {
        sum = sum_add(sum, LOADA(x, c));
    }
    moments_t m;
    m.mean = sum_value(team_sum(heads, rests, sum, lane, lanes, 1)) / count;
    sum = sum_of(0.0f, 0.0f);
    for (int c = lane; c < end; c += lanes)
    {
        float d = LOADA(x, c) - m.mean;
        sum = sum_add(sum, d);
        squares = sum_add(squares, d * d);
    }
    m.rest = sum_value(team_sum(heads, rests, sum, lane, lanes, 1)) / count;
    float variance = sum_value(team_sum(heads, rests, squares, lane, lanes, 1)) / count - m.rest * m.rest;
    m.rstd = root_of_one_over(FMAXF(variance, 0.0f) + eps);
    return m;
}

#endif
