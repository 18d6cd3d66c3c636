/* Gradients of group norm and layer norm. Contract: GroupNormContract.cs. Work is shared out as in group_norm.c, and
 * sums over pixels and rows are taken in the same way.
 *
 *   sums      [image][part][2][channel]         sums of g and of g c; c = x - mean, g = dy act'(c factor + shift)
 */
#include "prelude.h"
#include "activations.h"
#include "group_norm.h"

#define BLOCK 128

/* n of an element of a row. */
DEVICE float normalised(float x, moments_t m) { return ((x - m.mean) - m.rest) * m.rstd; }

/* The moments of a row, as group_norm_gradient_row_moments has left them. */
DEVICE moments_t moments_of_row(GLOBAL const float* moments, i64 row)
{
    moments_t m;
    m.mean = moments[row * 3];
    m.rest = moments[row * 3 + 1];
    m.rstd = moments[row * 3 + 2];
    return m;
}

/* gamma g of an element of a row, g the gradient of n gamma + beta. */
DEVICE float slope_of(float n, float dy, float gamma, float beta, int function)
{
    return gamma * (dy * ACTIVATE_SLOPE(function, FMA(n, gamma, beta)));
}

/* One thread for each image, part and channel. */
KERNEL(group_norm_gradient_sums, 256, 1, 1)(
    IN(float, x), IN(float, dy), IN(float, affine), OUT(float, sums), i64 threads, int spatial, int channels,
    int part_pixels, int parts, int function)
{
    AT(x);
    AT(dy);
    AT(affine);
    AT(sums);
    i64 at = (i64)BID_X * 256 + TID_X;
    if (at < threads)
    {
        part_t part = part_of(at, spatial, channels, part_pixels, parts);
        affine += part.image * AFFINE * channels + part.channel;
        float mean = affine[MEAN * channels], factor = affine[FACTOR * channels], shift = affine[SHIFT * channels];
        i64 from = part.from;
        sum_t g_sum = sum_of(0.0f, 0.0f), gc_sum = g_sum;
        for (int p = 0; p < part.pixels; p++, from += channels)
        {
            float c = x[from] - mean;
            float g = dy[from] * ACTIVATE_SLOPE(function, FMA(c, factor, shift));
            g_sum = sum_add(g_sum, g);
            gc_sum = sum_add(gc_sum, g * c);
        }
        sums += part.image_part * 2 * channels + part.channel;
        sums[0] = sum_value(g_sum);
        sums[channels] = sum_value(gc_sum);
    }
}

/* A block joins the parts of 32 channels of an image, 4 threads a channel: joined is [image][2][channel], the sums of g
 * and of g n, n the normalised x. */
KERNEL(group_norm_gradient_join, BLOCK, 1, 1)(
    IN(float, sums), IN(float, affine), OUT(float, joined), int channels, int parts)
{
    LOCAL_ARRAY(float, heads, BLOCK);
    LOCAL_ARRAY(float, rests, BLOCK);
    AT(sums);
    AT(affine);
    AT(joined);
    int blocks = (channels + 31) / 32, channel = BID_X % blocks * 32 + TID_X % 32, lane = TID_X / 32;
    i64 image = BID_X / blocks;
    sum_t g_sum = sum_of(0.0f, 0.0f), gc_sum = g_sum;
    sums += image * parts * 2 * channels + channel;
    for (i64 part = lane; part < parts && channel < channels; part += 4)
    {
        g_sum = sum_add(g_sum, sums[part * 2 * channels]);
        gc_sum = sum_add(gc_sum, sums[part * 2 * channels + channels]);
    }
    g_sum = team_sum(heads, rests, g_sum, lane, 4, 32);
    gc_sum = team_sum(heads, rests, gc_sum, lane, 4, 32);
    if (lane == 0 && channel < channels)
    {
        affine += image * AFFINE * channels + channel;
        joined += image * 2 * channels + channel;
        float g = sum_value(g_sum);
        joined[0] = g;
        joined[channels] = affine[RSTD * channels] * (sum_value(gc_sum) - affine[REST * channels] * g);
    }
}

/* One block for each group of an image: with mg and mgn the means of gamma g and gamma g n over the group,
 * dx = rstd (gamma g - mg - n mgn) = g factor - c slope - offset. */
KERNEL(group_norm_gradient_slopes, BLOCK, 1, 1)(
    IN(float, joined), IN(float, gamma), OUT(float, affine), int spatial, int channels, int groups)
{
    LOCAL_ARRAY(float, heads, BLOCK);
    LOCAL_ARRAY(float, rests, BLOCK);
    AT(joined);
    AT(gamma);
    AT(affine);
    i64 image = BID_X / groups;
    int width = channels / groups, first = BID_X % groups * width;
    float count = (float)spatial * (float)width;
    sum_t g_sum = sum_of(0.0f, 0.0f), gn_sum = g_sum;
    joined += image * 2 * channels + first;
    for (int c = TID_X; c < width; c += BLOCK)
    {
        g_sum = sum_add(g_sum, gamma[first + c] * joined[c]);
        gn_sum = sum_add(gn_sum, gamma[first + c] * joined[channels + c]);
    }
    float mg = sum_value(team_sum(heads, rests, g_sum, TID_X, BLOCK, 1)) / count;
    float mgn = sum_value(team_sum(heads, rests, gn_sum, TID_X, BLOCK, 1)) / count;
    affine += image * AFFINE * channels + first;
    float rstd = affine[RSTD * channels], rest = affine[REST * channels], slope = rstd * rstd * mgn;
    for (int c = TID_X; c < width; c += BLOCK)
    {
        affine[SLOPE * channels + c] = slope;
        affine[OFFSET * channels + c] = rstd * mg - rest * slope;
    }
}

/* dx may be dy or x. */
KERNEL(group_norm_gradient_apply, 256, 1, 1)(
    IN(float, x), IN(float, dy), IN(float, affine), OUT(float, dx), i64 count, int spatial, int channels,
    int function)
{
    AT(x);
    AT(dy);
    AT(affine);
    AT(dx);
    ELEMENTS(i, count)
    {
        i64 pixel = i / channels;
        GLOBAL const float* of = affine + pixel / spatial * AFFINE * channels + (i - pixel * channels);
        float c = x[i] - of[MEAN * channels], factor = of[FACTOR * channels];
        float g = dy[i] * ACTIVATE_SLOPE(function, FMA(c, factor, of[SHIFT * channels]));
        dx[i] = g * factor - FMA(c, of[SLOPE * channels], of[OFFSET * channels]);
    }
}

/* dGamma and dBeta, of which either may be null, from [parts][2][channel], the sums of g and of g n. One thread for
 * each channel. */
KERNEL(group_norm_gradient_parameters, 128, 1, 1)(
    IN(float, sums), OUT(float, dgamma), OUT(float, dbeta), int channels, int parts)
{
    AT(sums);
    AT(dgamma);
    AT(dbeta);
    i64 channel = (i64)BID_X * 128 + TID_X;
    if (channel < channels)
    {
        sum_t g_sum = sum_of(0.0f, 0.0f), gn_sum = g_sum;
        for (i64 at = channel; parts > 0; parts--, at += 2 * (i64)channels)
        {
            g_sum = sum_add(g_sum, sums[at]);
            gn_sum = sum_add(gn_sum, sums[at + channels]);
        }
        if (dgamma) { dgamma[channel] = sum_value(gn_sum); }
        if (dbeta) { dbeta[channel] = sum_value(g_sum); }
    }
}

/* Mean, rest and 1 / deviation of each row, [row][3]: they are wanted twice, and dx may be written over x. */
KERNEL(group_norm_gradient_row_moments, BLOCK, 1, 1)(
    IN(float, x), OUT(float, moments), int rows, int channels, float eps, int lanes)
{
    LOCAL_ARRAY(float, heads, BLOCK);
    LOCAL_ARRAY(float, rests, BLOCK);
    AT(x);
    AT(moments);
    i64 row = (i64)BID_X * (BLOCK / lanes) + TID_X / lanes;
    int lane = TID_X % lanes, end = row < rows ? channels : 0;
    moments_t m = row_moments(heads, rests, x + row * channels, end, channels, eps, lane, lanes);
    if (lane == 0 && row < rows)
    {
        moments[row * 3] = m.mean;
        moments[row * 3 + 1] = m.rest;
        moments[row * 3 + 2] = m.rstd;
    }
}

/* One thread for each channel of part_rows rows: the sums of g and of g n, [part][2][channel]. */
KERNEL(group_norm_gradient_row_sums, 256, 1, 1)(
    IN(float, x), IN(float, gamma), IN(float, beta), IN(float, dy), IN(float, moments), OUT(float, sums),
    i64 threads, int rows, int channels, int part_rows, int function)
{
    AT(x);
    AT(gamma);
    AT(beta);
    AT(dy);
    AT(moments);
    AT(sums);
    i64 at = (i64)BID_X * 256 + TID_X;
    if (at < threads)
    {
        i64 part = at / channels, channel = at - part * channels;
        i64 row = part * part_rows, end = row + part_rows < rows ? row + part_rows : rows;
        float factor = gamma[channel], shift = beta[channel];
        sum_t g_sum = sum_of(0.0f, 0.0f), gn_sum = g_sum;
        for (; row < end; row++)
        {
            float n = normalised(x[row * channels + channel], moments_of_row(moments, row));
            float g = dy[row * channels + channel] * ACTIVATE_SLOPE(function, FMA(n, factor, shift));
            g_sum = sum_add(g_sum, g);
            gn_sum = sum_add(gn_sum, g * n);
        }
        sums += part * 2 * channels + channel;
        sums[0] = sum_value(g_sum);
        sums[channels] = sum_value(gn_sum);
    }
}

/* dx = rstd (gamma g - mean of gamma g - n mean of gamma g n); dx may be dy or x. */
KERNEL(group_norm_gradient_rows, BLOCK, 1, 1)(
    IN(float, x), IN(float, gamma), IN(float, beta), IN(float, dy), IN(float, moments), OUT(float, dx), int rows,
    int channels, int function, int lanes)
{
    LOCAL_ARRAY(float, heads, BLOCK);
    LOCAL_ARRAY(float, rests, BLOCK);
    AT(x);
    AT(gamma);
    AT(beta);
    AT(dy);
    AT(moments);
    AT(dx);
    i64 row = (i64)BID_X * (BLOCK / lanes) + TID_X / lanes;
    int lane = TID_X % lanes, end = row < rows ? channels : 0;
    moments_t m = moments_of_row(moments, row < rows ? row : 0);
    x += row * channels;
    dy += row * channels;
    dx += row * channels;
    sum_t g_sum = sum_of(0.0f, 0.0f), gn_sum = g_sum;
    for (int c = lane; c < end; c += lanes)
    {
        float n = normalised(x[c], m);
        float g = slope_of(n, dy[c], gamma[c], beta[c], function);
        g_sum = sum_add(g_sum, g);
        gn_sum = sum_add(gn_sum, g * n);
    }
    float mg = sum_value(team_sum(heads, rests, g_sum, lane, lanes, 1)) / (float)channels;
    float mgn = sum_value(team_sum(heads, rests, gn_sum, lane, lanes, 1)) / (float)channels;
    for (int c = lane; c < end; c += lanes)
    {
        float n = normalised(x[c], m);
        float g = slope_of(n, dy[c], gamma[c], beta[c], function);
        dx[c] = m.rstd * ((g - mg) - n * mgn);
    }
}
