/* Group norm of channels-last images, and of rows, which is layer norm. Contract: GroupNormContract.cs. Statistics are
 * float32 whatever x is stored in.
 *
 * Images. One thread takes a channel of part_pixels pixels: its neighbours take the channels beside, whatever the width
 * of a group is. The moments of channels and parts meet in those of a group by Chan, Golub and LeVeque, 1979, eq. 2.1b:
 * squares are about the mean of the part, so nothing cancels.
 *
 * Rows. A team of lanes threads, a power of two, has one row; a block of 128 threads has as many as fit.
 *
 * Modules: as it is, and ACT=1.
 */
#include "prelude.h"
#include "activations.h"
#include "group_norm.h"

#define BLOCK 128

/* One thread for each image, part and channel: the mean of the part, what it lacks, and the squares about it. */
KERNEL(group_norm_moments, 256, 1, 1)(
    IN(act_t, x), OUT(float, moments), i64 threads, int spatial, int channels, int part_pixels, int parts)
{
    AT(x);
    AT(moments);
    i64 at = (i64)BID_X * 256 + TID_X;
    if (at < threads)
    {
        part_t part = part_of(at, spatial, channels, part_pixels, parts);
        int pixels = part.pixels;
        x += part.from;
        float sum = 0.0f;
        for (i64 p = 0; p < pixels; p++)
        {
            sum += LOADA(x, p * channels);
        }
        float mean = sum / (float)pixels, e = 0.0f, q = 0.0f;
        for (i64 p = 0; p < pixels; p++)
        {
            float d = LOADA(x, p * channels) - mean;
            e += d;
            q = FMA(d, d, q);
        }
        float rest = e / (float)pixels;
        moments += part.image_part * MOMENTS * channels + part.channel;
        moments[0] = mean;
        moments[channels] = rest;
        moments[2 * (i64)channels] = q - e * rest;
    }
}

/* One block for each group of an image. */
KERNEL(group_norm_statistics, BLOCK, 1, 1)(
    IN(float, moments), IN(float, gamma), IN(float, beta), OUT(float, affine), int spatial, int channels, int groups,
    int part_pixels, int parts, float eps)
{
    LOCAL_ARRAY(float, heads, BLOCK);
    LOCAL_ARRAY(float, rests, BLOCK);
    AT(moments);
    AT(gamma);
    AT(beta);
    AT(affine);
    int image = BID_X / groups, width = channels / groups, first = BID_X % groups * width;
    i64 entries = (i64)parts * width;
    float count = (float)spatial * (float)width;
    moments += (i64)image * parts * MOMENTS * channels + first;

    /* The mean against the first one, which is no outlier among means of parts by more than the parts have pixels. */
    float pivot = moments[0];
    sum_t sum = sum_of(0.0f, 0.0f);
    for (i64 entry = TID_X; entry < entries; entry += BLOCK)
    {
        i64 part = entry / width, from = part * MOMENTS * channels + (entry - part * width);
        float pixels = (float)(part + 1 < parts ? part_pixels : spatial - (int)part * part_pixels);
        sum = sum_add(sum, pixels * ((moments[from] - pivot) + moments[from + channels]));
    }
    sum = team_sum(heads, rests, sum, TID_X, BLOCK, 1);
    sum = sum_add(sum_of(pivot, 0.0f), sum_value(sum) / count);
    float mean = sum.head, rest = sum.rest;

    sum = sum_of(0.0f, 0.0f);
    for (i64 entry = TID_X; entry < entries; entry += BLOCK)
    {
        i64 part = entry / width, from = part * MOMENTS * channels + (entry - part * width);
        float pixels = (float)(part + 1 < parts ? part_pixels : spatial - (int)part * part_pixels);
        float d = (moments[from] - mean) + (moments[from + channels] - rest);
        sum = sum_add(sum, FMA(pixels * d, d, moments[from + 2 * (i64)channels]));
    }
    sum = team_sum(heads, rests, sum, TID_X, BLOCK, 1);
    float rstd = root_of_one_over(FMAXF(sum_value(sum) / count, 0.0f) + eps);
    affine += (i64)image * AFFINE * channels + first;
    for (int c = TID_X; c < width; c += BLOCK)
    {
        float factor = gamma[first + c] * rstd;
        affine[MEAN * channels + c] = mean;
        affine[FACTOR * channels + c] = factor;
        affine[SHIFT * channels + c] = beta[first + c] - rest * factor;
        affine[RSTD * channels + c] = rstd;
        affine[REST * channels + c] = rest;
    }
}

/* y may be x. The mean is taken off first: x factor + shift would cancel when it is large. */
KERNEL(group_norm_apply, 256, 1, 1)(
    IN(act_t, x), IN(float, affine), OUT(act_t, y), i64 count, int spatial, int channels, int function)
{
    AT(x);
    AT(affine);
    AT(y);
    ELEMENTS(i, count)
    {
        i64 pixel = i / channels;
        GLOBAL const float* of = affine + pixel / spatial * AFFINE * channels + (i - pixel * channels);
        float c = LOADA(x, i) - of[MEAN * channels];
        STOREA(y, i, ACTIVATE(function, FMA(c, of[FACTOR * channels], of[SHIFT * channels])));
    }
}

/* y = act(n gamma + beta); y may be x. */
KERNEL(group_norm_rows, BLOCK, 1, 1)(
    IN(act_t, x), IN(float, gamma), IN(float, beta), OUT(act_t, y), int rows, int channels, float eps, int function,
    int lanes)
{
    LOCAL_ARRAY(float, heads, BLOCK);
    LOCAL_ARRAY(float, rests, BLOCK);
    AT(x);
    AT(gamma);
    AT(beta);
    AT(y);
    i64 row = (i64)BID_X * (BLOCK / lanes) + TID_X / lanes;
    int lane = TID_X % lanes, end = row < rows ? channels : 0;
    x += row * channels;
    y += row * channels;
    moments_t m = row_moments(heads, rests, x, end, channels, eps, lane, lanes);
    float shift = -m.rest * m.rstd;
    for (int c = lane; c < end; c += lanes)
    {
        float n = FMA(LOADA(x, c) - m.mean, m.rstd, shift);
        STOREA(y, c, ACTIVATE(function, FMA(n, gamma[c], beta[c])));
    }
}
