/* NVIDIA's instructions that the dialect has no word for, after prelude.h. SM is the target, 75 or 80: Turing has no
 * asynchronous copies and multiplies 8 steps at a time, which shows nowhere but here. Source of layouts: the PTX ISA
 * manual, "Matrix Fragments for mma.m16n8k16" and "ldmatrix". tools/emulated-cuda/instructions_emulated.h has the same
 * functions for a host compiler, lane by lane.
 *
 * Blocks are warps of 32 threads. An address in a block's memory is a shared_t, of an array by SHARED(name). */
#ifndef CN_INSTRUCTIONS_H
#define CN_INSTRUCTIONS_H

#ifndef SM
#define SM 80
#endif
#define LANE (TID_X & 31)
#define WARP (TID_X >> 5)

#if defined(CN_EMU)
#include "instructions_emulated.h"
#else
typedef u32 shared_t;
struct __attribute__((aligned(16))) cn_bits8
{
    u32 x, y, z, w;
};

DEVICE shared_t cn_shared(const void* p)
{
    shared_t at;
    asm("{ .reg .u64 t; cvta.to.shared.u64 t, %1; cvt.u32.u64 %0, t; }" : "=r"(at) : "l"(p));
    return at;
}
#define SHARED(name) cn_shared(name)

/* v of the lane whose number differs in the bits of mask. All lanes of the warp come by. */
DEVICE float shuffle_xor(float v, int mask)
{
    float r;
    asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 31, 0xffffffff;" : "=f"(r) : "f"(v), "r"(mask));
    return r;
}

/* Two halves in one word, the first in its lower part. */
DEVICE u32 pack_halves(float first, float second)
{
#if SM >= 80
    u32 r;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(second), "f"(first));
    return r;
#else
    return (u32)f2h(first) | (u32)f2h(second) << 16;
#endif
}

/* Queues a copy of 16 bytes, both addresses aligned to 16, or writes zeros there where there is nothing to copy; the
 * source must be an address all the same. copy_commit closes a group of this thread's copies, copy_wait(n) waits until
 * all but the last n groups have landed, for this thread: others see them behind a barrier. */
DEVICE void copy_16(shared_t to, const void* from, bool there)
{
#if SM >= 80
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
#else
    cn_bits8 bits;
    bits.x = bits.y = bits.z = bits.w = 0;
    if (there)
    {
        bits = *(const cn_bits8*)from;
    }

    asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(bits.x), "r"(bits.y), "r"(bits.z),
        "r"(bits.w) : "memory");
#endif
}
#if SM >= 80
DEVICE void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
#define copy_wait(n) asm volatile("cp.async.wait_group %0;" ::"n"(n) : "memory")
#else
#define copy_commit()
#define copy_wait(n)
#endif

/* Four matrices of 8 x 8 halves. Lane 8 i + r gives the address of row r of matrix i, aligned to 16 bytes; lane
 * 4 r + c gets of each the elements 2 c and 2 c + 1 of row r, or with load_turned of column r. All lanes of the warp
 * come by. */
DEVICE void load_matrices(u32* r, shared_t at)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(at) : "memory");
}
DEVICE void load_turned(u32* r, shared_t at)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(at) : "memory");
}

/* d += a b, d [16][8] in float32, a [16][16], b [16][8] by columns. With r = lane / 4 and c = lane % 4: d is rows r and
 * r + 8 at columns 2 c and 2 c + 1; a rows r and r + 8 at steps 2 c, 2 c + 1, then the same at steps 8 more; b column r
 * at steps 2 c, 2 c + 1, then 8 more. All lanes of the warp come by. */
DEVICE void multiply_add(float* d, const u32* a, u32 b0, u32 b1)
{
#if SM >= 80
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(b0));
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[2]), "r"(a[3]), "r"(b1));
#endif
}
#endif
#endif
