/* The dialect all kernels are written in: C99 as OpenCL C 1.2 drivers, clang -x cuda (ahead of time, no toolkit) and a
 * host compiler under the emulator (CN_EMU) read it. Rules that no compiler checks:
 *
 *   - no operators on vector types: f4_* and .x .y .z .w
 *   - a pointer to device memory is GLOBAL, one to a block's own memory LOCALP
 *   - LOCAL_ARRAY at the outermost scope of a KERNEL only, of constant size, 32 KiB in sum
 *   - BARRIER() where all threads of a block come by
 *   - the block is fixed: KERNEL(name, bx, by, bz); one block has at most 256 threads
 *   - no double, recursion, function pointers, 64-bit or float atomics, assumed warp size
 *   - 16-bit types are storage: LOADH, STOREH, bf2f, f2bf, LOADW, STOREW for weights, LOADA, STOREA for activations
 *
 * A buffer is two parameters, a pointer and the element it starts at: IN(float, x), and AT(x) as a first line of the
 * body. One that was not given is a null pointer with element 0.
 */
#ifndef CN_PRELUDE_H
#define CN_PRELUDE_H

#define IN(T, x) GLOBAL const T* x, i64 x##_at
#define OUT(T, x) GLOBAL T* x, i64 x##_at
#define AT(x) x += x##_at

#if defined(__OPENCL_VERSION__) || defined(__OPENCL_C_VERSION__)
/* ---------------------------------------------------------------------------------------------------- OpenCL C */
#define CN_OPENCL 1
#define KERNEL(name, bx, by, bz) __kernel __attribute__((reqd_work_group_size(bx, by, bz))) void name
#define DEVICE static inline
#define GLOBAL __global
#define CONSTMEM __constant
#define LOCALP __local
#define LOCAL_ARRAY(T, name, n) __local T name[n] __attribute__((aligned(16)))
#define RESTRICT restrict
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define UNROLL __attribute__((opencl_unroll_hint))
#define TID_X ((int)get_local_id(0))
#define TID_Y ((int)get_local_id(1))
#define TID_Z ((int)get_local_id(2))
#define BID_X ((int)get_group_id(0))
#define BID_Y ((int)get_group_id(1))
#define BID_Z ((int)get_group_id(2))
#define NBLK_X ((int)get_num_groups(0))
#define NBLK_Y ((int)get_num_groups(1))
#define NBLK_Z ((int)get_num_groups(2))
typedef long i64;
typedef ulong u64;
typedef uint u32;
typedef ushort u16;
typedef uchar u8;
#define MK4(a, b, c, d) ((float4)((a), (b), (c), (d)))
#define SPLAT4(a) ((float4)(a))
#define FMA(a, b, c) fma((a), (b), (c))
#define FMAXF(a, b) fmax((a), (b))
#define FMINF(a, b) fmin((a), (b))
#define FABSF(x) fabs(x)
#define FLOORF(x) floor(x)
#define SQRTF(x) sqrt(x)
#define RSQRTF(x) rsqrt(x)
#define RCPF(x) (1.0f / (x))
#define EXPF(x) exp(x)
#define EXP2F(x) exp2(x)
#define LOGF(x) log(x)
#define AS_UINT(x) as_uint(x)
#define AS_FLOAT(x) as_float(x)

/* Loads and stores of halves are core since OpenCL 1.0; arithmetic on them would need cl_khr_fp16. */
typedef half h16;
#define LOADH(p, i) vload_half((i), (p))
#define STOREH(p, i, v) vstore_half_rte((v), (i), (p))

/* vload4 and vload_half4 promise the alignment of an element only, and compilers then load one by one. These want
 * addresses aligned to 16 bytes, 8 for halves. */
#define LOADF4(p, i) (*(__global const float4*)((p) + (i)))
#define STOREF4(p, i, v) (*(__global float4*)((p) + (i)) = (v))
#define LDS4(p, i) (*(__local const float4*)((p) + (i)))
#define STS4(p, i, v) (*(__local float4*)((p) + (i)) = (v))
DEVICE float4 cn_load_half4(__global const half* p)
{
    ushort4 bits = *(__global const ushort4*)p;
    return vload_half4(0, (const half*)&bits);
}
DEVICE void cn_store_half4(__global half* p, float4 v)
{
    ushort4 bits;
    vstore_half4_rte(v, 0, (half*)&bits);
    *(__global ushort4*)p = bits;
}
#define LOADH4(p, i) cn_load_half4((p) + (i))
#define STOREH4(p, i, v) cn_store_half4((p) + (i), (v))
DEVICE float4 f4_fma(float4 a, float s, float4 b) { return fma(a, (float4)(s), b); }
DEVICE float4 f4_mul(float4 a, float s) { return a * s; }
DEVICE float4 f4_add(float4 a, float4 b) { return a + b; }

#else
/* ------------------------------------------------------------------------------------------ C++ as CUDA knows it */
#define CN_CUDA 1
#define GLOBAL
#define CONSTMEM const
#define LOCALP
#define RESTRICT __restrict__
typedef long long i64;
typedef unsigned long long u64;
typedef unsigned u32;
typedef unsigned short u16;
typedef unsigned char u8;
typedef u16 h16;
#if defined(CN_EMU)
#include "emulator.h"
#else
#define INFINITY __builtin_inff()
#define CN_SREG(name) ((int)__nvvm_read_ptx_sreg_##name())
#define TID_X CN_SREG(tid_x)
#define TID_Y CN_SREG(tid_y)
#define TID_Z CN_SREG(tid_z)
#define BID_X CN_SREG(ctaid_x)
#define BID_Y CN_SREG(ctaid_y)
#define BID_Z CN_SREG(ctaid_z)
#define NBLK_X CN_SREG(nctaid_x)
#define NBLK_Y CN_SREG(nctaid_y)
#define NBLK_Z CN_SREG(nctaid_z)
#define DEVICE static __attribute__((device)) inline __attribute__((always_inline))
#define KERNEL(name, bx, by, bz) \
    extern "C" __attribute__((global)) void __attribute__((launch_bounds((bx) * (by) * (bz)))) name
#define LOCAL_ARRAY(T, name, n) __attribute__((shared)) __attribute__((aligned(16))) T name[n]
#define BARRIER() __syncthreads()
#define UNROLL _Pragma("unroll")
struct __attribute__((aligned(16))) float4
{
    float x, y, z, w;
};
/* The approximations of the special function unit: 2 units in the last place or better, except SQRTF, which is exact
 * because AdamW takes roots of numbers that flushing to zero would lose. There is no libdevice: expf, erff and their
 * like stay unresolved. */
#define FMA(a, b, c) __builtin_fmaf((a), (b), (c))
#define FMAXF(a, b) __nvvm_fmax_f((a), (b))
#define FMINF(a, b) __nvvm_fmin_f((a), (b))
#define FABSF(x) __builtin_fabsf(x)
#define FLOORF(x) __nvvm_floor_f(x)
#define SQRTF(x) __nvvm_sqrt_rn_f(x)
#define RSQRTF(x) __nvvm_rsqrt_approx_ftz_f(x)
#define RCPF(x) __nvvm_rcp_approx_ftz_f(x)
#define EXP2F(x) __nvvm_ex2_approx_ftz_f(x)
#define EXPF(x) EXP2F((x) * 1.4426950408889634f)
#define LOGF(x) (__nvvm_lg2_approx_ftz_f(x) * 0.6931471805599453f)
#define AS_UINT(x) ((u32)__nvvm_bitcast_f2i(x))
#define AS_FLOAT(x) __nvvm_bitcast_i2f((int)(x))
DEVICE float h2f(h16 h)
{
    float r;
    asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(h));
    return r;
}
DEVICE h16 f2h(float f)
{
    h16 r;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r) : "f"(f));
    return r;
}
#endif
#define LOADH(p, i) h2f((p)[i])
#define STOREH(p, i, v) ((p)[i] = f2h(v))
DEVICE float4 MK4(float a, float b, float c, float d)
{
    float4 r;
    r.x = a;
    r.y = b;
    r.z = c;
    r.w = d;
    return r;
}
#define SPLAT4(a) MK4((a), (a), (a), (a))
struct __attribute__((aligned(8))) cn_bits4
{
    u16 x, y, z, w;
};
DEVICE float4 LOADH4(const h16* p, i64 i)
{
    cn_bits4 b = *(const cn_bits4*)(p + i);
    return MK4(h2f(b.x), h2f(b.y), h2f(b.z), h2f(b.w));
}
DEVICE void STOREH4(h16* p, i64 i, float4 v)
{
    cn_bits4 b;
    b.x = f2h(v.x);
    b.y = f2h(v.y);
    b.z = f2h(v.z);
    b.w = f2h(v.w);
    *(cn_bits4*)(p + i) = b;
}
DEVICE float4 LOADF4(const float* p, i64 i) { return *(const float4*)(p + i); }
DEVICE void STOREF4(float* p, i64 i, float4 v) { *(float4*)(p + i) = v; }
#define LDS4 LOADF4
#define STS4 STOREF4
DEVICE float4 f4_fma(float4 a, float s, float4 b)
{
    return MK4(FMA(a.x, s, b.x), FMA(a.y, s, b.y), FMA(a.z, s, b.z), FMA(a.w, s, b.w));
}
DEVICE float4 f4_mul(float4 a, float s) { return MK4(a.x * s, a.y * s, a.z * s, a.w * s); }
DEVICE float4 f4_add(float4 a, float4 b) { return MK4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }
#endif

/* ------------------------------------------------------------------------------------------------- for all of them */
/* bfloat16 is the upper half of a float32; conversion rounds to nearest, ties to even, and keeps a NaN one. */
DEVICE float bf2f(u16 b) { return AS_FLOAT(((u32)b) << 16); }
DEVICE u16 f2bf(float f)
{
    u32 u = AS_UINT(f);
    u32 rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    return (u16)((u & 0x7fffffffu) > 0x7f800000u ? (u >> 16) | 0x40u : rounded);
}

/* The type weights are stored in: -D WEIGHT=0, 1 or 2 for F32, F16 or BF16. */
#if defined(WEIGHT) && WEIGHT == 1
typedef h16 weight_t;
#define LOADW(p, i) LOADH(p, i)
#define STOREW(p, i, v) STOREH(p, i, v)
#elif defined(WEIGHT) && WEIGHT == 2
typedef u16 weight_t;
#define LOADW(p, i) bf2f((p)[i])
#define STOREW(p, i, v) ((p)[i] = f2bf(v))
#else
typedef float weight_t;
#define LOADW(p, i) ((p)[i])
#define STOREW(p, i, v) ((p)[i] = (v))
#endif

/* The type activations are stored in: -D ACT=1 for F16, else F32. A sum beyond the largest half is stored as that one:
 * infinity would become NaN in the next norm. A NaN stays one. */
DEVICE float cn_within_half(float v) { return v > 65504.0f ? 65504.0f : v < -65504.0f ? -65504.0f : v; }
#if defined(ACT) && ACT == 1
typedef h16 act_t;
typedef u16 act_bits_t;
#define LOADA(p, i) LOADH(p, i)
#define STOREA(p, i, v) STOREH(p, i, cn_within_half(v))
#else
#define ACT 0
typedef float act_t;
typedef float act_bits_t;
#define LOADA(p, i) ((p)[i])
#define STOREA(p, i, v) ((p)[i] = (v))
#endif

/* Results of products and what is added to them, whose type a launch tells: elements of F16 with halves, else of F32.
 * i counts elements of that type from the start of the buffer. */
DEVICE float load_result(GLOBAL const float* p, i64 i, int halves)
{
    return halves ? LOADH((GLOBAL const h16*)p, i) : p[i];
}
DEVICE void store_result(GLOBAL float* p, i64 i, int halves, float v)
{
    if (halves)
    {
        STOREH((GLOBAL h16*)p, i, cn_within_half(v));
    }
    else
    {
        p[i] = v;
    }
}

/* ---------------------------------------------------------------------------------------------- loops and sums */
/* A loop over the elements of a block of 256 threads that has 1024 of them; GpuGrid.Elements counts the blocks. */
#define ELEMENTS(i, count) \
    for (i64 i = (i64)BID_X * 1024 + TID_X, i##_end = (i64)BID_X * 1024 + 1024; i < i##_end && i < (count); i += 256)

/* A sum with what its roundings have lost: as good as one with twice the digits. Source: Ogita, Rump and Oishi, 2005,
 * doi:10.1137/030601818, algorithm 4.4. Needs a compiler that neither reassociates nor assumes finite numbers. */
typedef struct
{
    float head, rest;
} sum_t;
DEVICE sum_t sum_of(float head, float rest)
{
    sum_t s;
    s.head = head;
    s.rest = rest;
    return s;
}
DEVICE sum_t sum_add(sum_t s, float v)
{
    float head = s.head + v;
    float part = head - s.head;
    return sum_of(head, s.rest + ((s.head - (head - part)) + (v - part)));
}
DEVICE sum_t sum_join(sum_t a, sum_t b)
{
    sum_t s = sum_add(a, b.head);
    return sum_of(s.head, s.rest + b.rest);
}
/* Beyond infinity the rest is undefined and the head right. */
DEVICE float sum_times(sum_t s, float factor)
{
    float v = FMA(s.head, factor, s.rest * factor);
    return v == v ? v : s.head * factor;
}
DEVICE float sum_value(sum_t s) { return sum_times(s, 1.0f); }

/* The sum over a team, a part of a block that is lanes threads, a power of two, each step threads from the next. All
 * of the team have it. The arrays have a place for each thread of the block; all threads come by. */
DEVICE sum_t team_sum(LOCALP float* heads, LOCALP float* rests, sum_t s, int lane, int lanes, int step)
{
    int at = TID_X;
    heads[at] = s.head;
    rests[at] = s.rest;
    BARRIER();
    for (int reach = lanes / 2; reach > 0; reach /= 2)
    {
        if (lane < reach)
        {
            int other = at + reach * step;
            s = sum_join(s, sum_of(heads[other], rests[other]));
            heads[at] = s.head;
            rests[at] = s.rest;
        }
        BARRIER();
    }
    s = sum_of(heads[at - lane * step], rests[at - lane * step]);
    BARRIER();
    return s;
}
#endif
