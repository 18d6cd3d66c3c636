/* Attention without a score matrix on tensor cores. Source: Dao et al., 2022, arXiv:2205.14135.
 *
 * A block of four warps has QUERIES queries of one head, each warp STRIPS strips of 16, and goes through the keys KEYS
 * at a time. Queries stay in registers; keys and values of the next step are copied while those at hand are multiplied.
 * Scores never leave the warp: a product's fragment of scores is, rounded to halves, the next product's operand.
 * Sums, largest scores and weights are float32.
 *
 * Tokens are lines of LINE halves in the block's memory, an odd number of 16-byte pieces, so that the eight addresses
 * of a matrix lie in different banks. A head narrower than WIDTH has zeros behind it.
 *
 * Modules: WIDTH=40, 64, 80 or 160, for heads of up to so many channels. */
#include "prelude.h"
#include "instructions.h"

#define THREADS 128
#if WIDTH <= 64
#define STRIPS 2
#else
#define STRIPS 1
#endif
#define QUERIES (64 * STRIPS)
#if WIDTH <= 80
#define KEYS 64
#else
#define KEYS 32
#endif
/* Channels as steps of a score's sum, which are 16 at a time, and as columns of a result, 8 at a time. */
#define STEPS ((WIDTH + 15) / 16)
#define CHANNELS (WIDTH / 8)
#define LINE (STEPS * 16 + 8)
#define PIECES (STEPS * 2)
#define TOKEN_BYTES (LINE * 2)
/* Keys and values, twice; before them, once, the queries. */
#define SIDE_BYTES (KEYS * TOKEN_BYTES)
#define TILE_BYTES (4 * SIDE_BYTES > QUERIES * TOKEN_BYTES ? 4 * SIDE_BYTES : QUERIES * TOKEN_BYTES)

/* Queues the copy of COUNT tokens. Tokens and channels that do not exist are zeros. */
template <int COUNT> DEVICE void fetch_tokens(shared_t to, const h16* from, int count, i64 apart, int width)
{
    UNROLL for (int i = 0; i < (COUNT * PIECES + THREADS - 1) / THREADS; i++)
    {
        int e = TID_X + i * THREADS, token = e / PIECES, piece = e % PIECES;
        if (COUNT * PIECES % THREADS == 0 || e < COUNT * PIECES)
        {
            bool there = token < count && piece * 8 < width;
            copy_16(to + token * TOKEN_BYTES + piece * 16, there ? from + token * apart + piece * 8 : from, there);
        }
    }
}

/* y = softmax(q k^T) v with scores times factor, the scale times log2(e), which is above zero: weights are powers of
 * two. q and y are [batch][queries][heads * width], k and v [batch][keys][heads * width], width a multiple of 8 and at
 * most WIDTH; q, k and v are aligned to 16 bytes, y to 4. With causal a query sees the keys up to its own. Softmax is
 * online, Milakov and Gimelshein, 2018, arXiv:1805.02867: what was summed is brought down whenever a larger score turns
 * up.
 *
 * One block a tile of queries, in one dimension: tiles innermost, then heads, then the batch. */
KERNEL(attention_mma, 128, 1, 1)(
    IN(h16, q), IN(h16, k), IN(h16, v), OUT(h16, y), int heads, int queries, int keys, int width, float factor,
    int causal)
{
    AT(q);
    AT(k);
    AT(v);
    AT(y);
    LOCAL_ARRAY(u8, tile, TILE_BYTES);
    shared_t staged = SHARED(tile);
    int tiles = (queries + QUERIES - 1) / QUERIES;
    int first_query = BID_X % tiles * QUERIES, unit = BID_X / tiles;
    int batch = unit / heads, head = unit % heads;
    i64 apart = (i64)heads * width;
    i64 query_at = ((i64)batch * queries + first_query) * apart + head * width;
    k += (i64)batch * keys * apart + head * width;
    v += (i64)batch * keys * apart + head * width;
    int query_count = queries - first_query;
    int seen = causal && first_query + QUERIES < keys ? first_query + QUERIES : keys;

    fetch_tokens<QUERIES>(staged, q + query_at, query_count, apart, width);
    copy_commit();
    copy_wait(0);
    BARRIER();
    u32 of_queries[STRIPS][STEPS][4];
    UNROLL for (int s = 0; s < STRIPS; s++)
    {
        UNROLL for (int i = 0; i < STEPS; i++)
        {
            int token = (WARP * STRIPS + s) * 16 + LANE % 16;
            load_matrices(of_queries[s][i], staged + token * TOKEN_BYTES + (i * 2 + LANE / 16) * 16);
        }
    }

    BARRIER();
    /* Of each strip this lane has rows LANE / 4 and LANE / 4 + 8. */
    float result[STRIPS][CHANNELS][4], largest[STRIPS][2], total[STRIPS][2];
    UNROLL for (int s = 0; s < STRIPS; s++)
    {
        UNROLL for (int i = 0; i < CHANNELS; i++)
        {
            result[s][i][0] = result[s][i][1] = result[s][i][2] = result[s][i][3] = 0.0f;
        }

        largest[s][0] = largest[s][1] = -INFINITY;
        total[s][0] = total[s][1] = 0.0f;
    }

    fetch_tokens<KEYS>(staged, k, seen, apart, width);
    fetch_tokens<KEYS>(staged + SIDE_BYTES, v, seen, apart, width);
    copy_commit();
    shared_t at_hand = staged, next = staged + 2 * SIDE_BYTES;
    for (int first_key = 0; first_key < seen; first_key += KEYS)
    {
        int after = first_key + KEYS;
        if (after < seen)
        {
            fetch_tokens<KEYS>(next, k + after * apart, seen - after, apart, width);
            fetch_tokens<KEYS>(next + SIDE_BYTES, v + after * apart, seen - after, apart, width);
        }

        copy_commit();
        copy_wait(1);
        BARRIER();

        float scores[STRIPS][KEYS / 8][4];
        UNROLL for (int s = 0; s < STRIPS; s++)
        {
            UNROLL for (int j = 0; j < KEYS / 8; j++)
            {
                scores[s][j][0] = scores[s][j][1] = scores[s][j][2] = scores[s][j][3] = 0.0f;
            }
        }

        UNROLL for (int i = 0; i < STEPS; i++)
        {
            UNROLL for (int j = 0; j < KEYS / 8; j += 2)
            {
                u32 b[4];
                int token = j * 8 + LANE % 8 + LANE / 16 * 8;
                load_matrices(b, at_hand + token * TOKEN_BYTES + (i * 2 + LANE / 8 % 2) * 16);
                UNROLL for (int s = 0; s < STRIPS; s++)
                {
                    multiply_add(scores[s][j], of_queries[s][i], b[0], b[1]);
                    multiply_add(scores[s][j + 1], of_queries[s][i], b[2], b[3]);
                }
            }
        }

        if (after > seen || (causal && after > first_query))
        {
            UNROLL for (int s = 0; s < STRIPS; s++)
            {
                UNROLL for (int e = 0; e < KEYS / 2; e++)
                {
                    int key = first_key + e / 4 * 8 + LANE % 4 * 2 + e % 2;
                    int query = first_query + (WARP * STRIPS + s) * 16 + LANE / 4 + e / 2 % 2 * 8;
                    bool hidden = key >= seen || (causal && key > query);
                    scores[s][e / 4][e % 4] = hidden ? -INFINITY : scores[s][e / 4][e % 4];
                }
            }
        }

        UNROLL for (int s = 0; s < STRIPS; s++)
        {
            UNROLL for (int h = 0; h < 2; h++)
            {
                /* A NaN is no largest score, but its weight is NaN, and so is all it is summed into. */
                float most = largest[s][h], sum = 0.0f;
                UNROLL for (int j = 0; j < KEYS / 8; j++)
                {
                    most = FMAXF(most, FMAXF(scores[s][j][h * 2], scores[s][j][h * 2 + 1]));
                }

                most = FMAXF(most, shuffle_xor(most, 1));
                most = FMAXF(most, shuffle_xor(most, 2));
                float keep = EXP2F((largest[s][h] - most) * factor), less = most * factor;
                largest[s][h] = most;
                UNROLL for (int j = 0; j < KEYS / 8; j++)
                {
                    scores[s][j][h * 2] = EXP2F(FMA(scores[s][j][h * 2], factor, -less));
                    scores[s][j][h * 2 + 1] = EXP2F(FMA(scores[s][j][h * 2 + 1], factor, -less));
                    sum += scores[s][j][h * 2] + scores[s][j][h * 2 + 1];
                }

                total[s][h] = FMA(total[s][h], keep, sum);
                UNROLL for (int i = 0; i < CHANNELS; i++)
                {
                    result[s][i][h * 2] *= keep;
                    result[s][i][h * 2 + 1] *= keep;
                }
            }
        }

        UNROLL for (int j = 0; j < KEYS / 8; j += 2)
        {
            u32 weights[STRIPS][4];
            UNROLL for (int s = 0; s < STRIPS; s++)
            {
                weights[s][0] = pack_halves(scores[s][j][0], scores[s][j][1]);
                weights[s][1] = pack_halves(scores[s][j][2], scores[s][j][3]);
                weights[s][2] = pack_halves(scores[s][j + 1][0], scores[s][j + 1][1]);
                weights[s][3] = pack_halves(scores[s][j + 1][2], scores[s][j + 1][3]);
            }

            UNROLL for (int i = 0; i < CHANNELS; i += 2)
            {
                u32 b[4];
                int token = j * 8 + LANE % 8 + LANE / 8 % 2 * 8;
                load_turned(b, at_hand + SIDE_BYTES + token * TOKEN_BYTES + (i + LANE / 16) * 16);
                UNROLL for (int s = 0; s < STRIPS; s++)
                {
                    multiply_add(result[s][i], weights[s], b[0], b[1]);
                    if (i + 1 < CHANNELS)
                    {
                        multiply_add(result[s][i + 1], weights[s], b[2], b[3]);
                    }
                }
            }
        }

        BARRIER();
        shared_t done = at_hand;
        at_hand = next;
        next = done;
    }

    y += query_at;
    UNROLL for (int s = 0; s < STRIPS; s++)
    {
        UNROLL for (int h = 0; h < 2; h++)
        {
            float sum = total[s][h];
            sum += shuffle_xor(sum, 1);
            sum += shuffle_xor(sum, 2);
            float share = 1.0f / sum;
            int query = (WARP * STRIPS + s) * 16 + LANE / 4 + h * 8;
            UNROLL for (int i = 0; i < CHANNELS; i++)
            {
                int channel = i * 8 + LANE % 4 * 2;
                if (query < query_count && channel < width)
                {
                    *(u32*)(y + query * apart + channel) = pack_halves(
                        cn_within_half(result[s][i][h * 2] * share), cn_within_half(result[s][i][h * 2 + 1] * share));
                }
            }
        }
    }
}
