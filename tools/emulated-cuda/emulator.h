/* The dialect of the kernels for a host compiler: threads of a block are fibers of one thread of the host.
 *
 * A fiber runs a thread until it comes to a barrier or ends, and takes the next thread when it ends. When all have come
 * to the barrier they go on in a random order, so a missing barrier gives wrong numbers. A barrier that some threads of a
 * block do not come by ends the process: GPUs do not agree on what it does. */
#ifndef CN_EMULATOR_H
#define CN_EMULATOR_H
#include <math.h>
#include <string.h>

#define DEVICE static inline
#if defined(CN_LIST_ENTRIES)
/* build.sh finds the names of a module's kernels by this. */
#define KERNEL(name, bx, by, bz) CN_ENTRY name; static void name
#else
#define KERNEL(name, bx, by, bz) static void name
#endif
#define LOCAL_ARRAY(T, name, n) static T name[n] __attribute__((aligned(16)))
#define BARRIER() cn_emulator::barrier()
#define UNROLL

struct alignas(16) float4
{
    float x, y, z, w;
};

namespace cn_emulator
{
struct Place
{
    int x, y, z;
};
extern Place thread, block, grid;
void barrier();
}

#define TID_X (cn_emulator::thread.x)
#define TID_Y (cn_emulator::thread.y)
#define TID_Z (cn_emulator::thread.z)
#define BID_X (cn_emulator::block.x)
#define BID_Y (cn_emulator::block.y)
#define BID_Z (cn_emulator::block.z)
#define NBLK_X (cn_emulator::grid.x)
#define NBLK_Y (cn_emulator::grid.y)
#define NBLK_Z (cn_emulator::grid.z)
#define FMA(a, b, c) fmaf((a), (b), (c))
#define FMAXF(a, b) fmaxf((a), (b))
#define FMINF(a, b) fminf((a), (b))
#define FABSF(x) fabsf(x)
#define FLOORF(x) floorf(x)
#define SQRTF(x) sqrtf(x)
#define RSQRTF(x) (1.0f / sqrtf(x))
#define RCPF(x) (1.0f / (x))
#define EXPF(x) expf(x)
#define EXP2F(x) exp2f(x)
#define LOGF(x) logf(x)

static inline unsigned AS_UINT(float f)
{
    unsigned u;
    memcpy(&u, &f, sizeof u);
    return u;
}
static inline float AS_FLOAT(unsigned u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}
static inline float h2f(unsigned short h)
{
    _Float16 f;
    memcpy(&f, &h, sizeof f);
    return (float)f;
}
static inline unsigned short f2h(float f)
{
    _Float16 rounded = (_Float16)f;
    unsigned short h;
    memcpy(&h, &rounded, sizeof h);
    return h;
}
#endif
