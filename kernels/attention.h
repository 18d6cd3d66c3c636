/* What attention forwards and backwards have in common: tiles of scores and their products with values. Included by
 * attention.c and attention_gradient.c.
 *
 * A block of 16 x 16 threads has TILE rows of one head, queries or keys, and goes through the other side TILE columns
 * at a time. A tile of scores is a product over the channels of a head; weights made of it lie in the block's memory, a
 * column's rows side by side, and are multiplied with the columns' values. A thread has four rows and four columns of
 * scores, and of each CHUNK channels of the result four rows and four channels, in registers. Both are float32 whatever
 * tensors are stored in: scores of Stable Diffusion 2.x leave the range of F16.
 *
 * A block makes up to CHUNKS * CHUNK channels of its rows; a wider head is cut into slices, each with scores of its
 * own. Tensors are [batch][tokens][heads * width]. One block a tile, in one dimension: tiles of rows innermost, then
 * slices, then heads, then the batch.
 */
#ifndef CN_ATTENTION_H
#define CN_ATTENTION_H

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
/* Of two calls of a function with barriers from one kernel LLVM 15, below PoCL 3.1, dies weighing what to inline. */
#define INLINED __attribute__((always_inline))
#else
#define UNROLL_CHUNKS UNROLL
#define INLINED
#endif

/* The score of what a query does not see: its weight is 0 beside any score there is. */
#define HIDDEN -3.0e38f

/* What a block has: rows, count of them from first on, of head unit % heads of image unit / heads, in the channels of
 * slice. at is the first of these rows in a tensor of the rows' side, and other that head's first in one of the other
 * side; a row is stride elements. */
typedef struct
{
    int first, count, slice, unit, first_channel;
    i64 stride, at, other;
} tile_t;

DEVICE tile_t tile_of(int block, int rows, int columns, int heads, int width, int slices)
{
    tile_t tile;
    int tiles = (rows + TILE - 1) / TILE;
    tile.first = block % tiles * TILE;
    tile.count = rows - tile.first < TILE ? rows - tile.first : TILE;
    tile.slice = block / tiles % slices;
    tile.unit = block / tiles / slices;
    tile.first_channel = tile.slice * CHUNKS * CHUNK;
    tile.stride = (i64)heads * width;
    int batch = tile.unit / heads, head = tile.unit % heads;
    tile.at = ((i64)batch * rows + tile.first) * tile.stride + head * width;
    tile.other = (i64)batch * columns * tile.stride + head * width;
    return tile;
}

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
    LOCALP float* to, GLOBAL const act_t* from, i64 stride, int count, int channels, float factor, int tx, int ty)
{
    UNROLL for (int i = 0; i < TILE / 16; i++)
    {
        int token = ty + i * 16;
        to[tx * LINE + token] = token < count && tx < channels ? LOADA(from, token * stride + tx) * factor : 0.0f;
    }
}

/* products[c] = rows times column c over the channels of a head. The steps of a sum and the factors are the same
 * whichever side queries are on, and so are the bits of a score. */
INLINED DEVICE void multiply(
    LOCALP float* staged, GLOBAL const act_t* rows, int row_count, float row_factor, GLOBAL const act_t* columns,
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
    LOCALP const float* weights, LOCALP float* staged, GLOBAL const act_t* values, int count, i64 stride, int channels,
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
                    ? LOADA(values, (first + column) * stride + channel)
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
    GLOBAL act_t* to, i64 stride, int count, int channels, float4 factor, int tx, int ty, const float4* sums)
{
    UNROLL for (int i = 0; i < CHUNKS * 4; i++)
    {
        int channel = i / 4 * CHUNK + tx * 4 + i % 4, row = ty * 4;
        if (channel < channels)
        {
            float4 v = f4_scale(sums[i], factor);
            GLOBAL act_t* at = to + row * stride + channel;
            if (row < count)
            {
                STOREA(at, 0, v.x);
            }

            if (row + 1 < count)
            {
                STOREA(at, stride, v.y);
            }

            if (row + 2 < count)
            {
                STOREA(at, 2 * stride, v.z);
            }

            if (row + 3 < count)
            {
                STOREA(at, 3 * stride, v.w);
            }
        }
    }
}

#endif
