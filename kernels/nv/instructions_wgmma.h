/* Instructions that compute capability 9.0 alone has, after instructions.h: copies of whole tiles by the Tensor Memory
 * Accelerator, mbarriers that tell when they have landed, and products of four warps whose operands are read from the
 * block's memory. Target sm_90a. Source: the PTX ISA manual, "Tensors", "mbarrier" and "Asynchronous Warpgroup Level
 * Matrix Instructions". tools/emulated-cuda/instructions_wgmma_emulated.h has the same functions for a host compiler.
 *
 * COLUMNS, the columns of a product, are given: 64, 128, 160 or 256. */
#ifndef CN_INSTRUCTIONS_WGMMA_H
#define CN_INSTRUCTIONS_WGMMA_H

/* Where a tensor lies and what is copied of it at once: made by the driver, a parameter by value. */
#define MAP(name) const tensor_map_t name

#if defined(CN_EMU)
#include "instructions_wgmma_emulated.h"
#else
struct __attribute__((aligned(64))) tensor_map_t
{
    u64 words[16];
};
typedef u64 map_t;

/* The address of a map that is parameter `number` of a kernel. The instructions want it where it lies; clang before 20
 * has no __grid_constant__, and copies a parameter whose address C++ takes. */
#define MAP_AT(kernel, number, name) \
    ({ \
        map_t at; \
        asm("{ .reg .u64 t; mov.u64 t, " #kernel "_param_" #number "; cvta.param.u64 %0, t; }" : "=l"(at)); \
        at; \
    })

/* Memory of the block as much as the launch says, aligned to 16 bytes at least. The only memory of its kernel. */
#define DYNAMIC_ARRAY(name) \
    extern __attribute__((shared)) __attribute__((aligned(16))) u8 cn_dynamic[]; \
    u8* name = cn_dynamic
#define SHARED_AT(p) cn_shared(p)
/* What stands for an address in a product's descriptor. */
#define SHARED_NUMBER(at) ((at) & 0x3ffff)

/* All lanes of the warp come by, and go on together. */
DEVICE void warp_join() { asm volatile("bar.warp.sync 0xffffffff;" ::: "memory"); }

/* An mbarrier is 8 bytes, aligned to 8. A phase of it is over once so many arrivals and all bytes that were announced
 * have come; then the next begins. The thread that has made some makes them known to copies by signals_made, and to
 * the other threads by a barrier of the block. */
DEVICE void signal_make(shared_t at, int arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(at), "r"(arrivals) : "memory");
}
DEVICE void signals_made() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
DEVICE void signal_arrive(shared_t at)
{
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(at) : "memory");
}
/* Arrives and announces bytes that copies bring. */
DEVICE void signal_expect(shared_t at, int bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(at), "r"(bytes) : "memory");
}
/* Waits until the phase of that parity is over; phases count from 0, and the one before the first is over. */
DEVICE void signal_wait(shared_t at, u32 parity)
{
    asm volatile("{ .reg .pred over; again_%=: mbarrier.try_wait.parity.shared::cta.b64 over, [%0], %1; "
                 "@!over bra again_%=; }" ::"r"(at), "r"(parity) : "memory");
}

/* Queues the copy of a map's box at element c0 of line c1 of member c2, c3, and has the signal told when it has landed.
 * What lies outside of the tensor is zeros, and counts among the bytes. Lines of 128 bytes lie one behind the other
 * from an address aligned to 1024, and bits 4 to 6 of an address are what they would be, xor bits 7 to 9. One thread
 * does it. */
DEVICE void fetch_box(shared_t to, map_t map, shared_t signal, int c0, int c1, int c2, int c3)
{
    asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
                 "[%1, {%3, %4, %5, %6}], [%2];" ::"r"(to), "l"(map), "r"(signal), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
                 : "memory");
}
/* The same of a map of images, as if im2col had laid out a line for each output pixel: channels from c on of the pixel
 * at x, y of an image and of those that follow in the map's order, each moved by a tap. */
DEVICE void fetch_pixels(
    shared_t to, map_t map, shared_t signal, int c, int x, int y, int image, int tap_x, int tap_y)
{
    asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], "
                 "[%1, {%3, %4, %5, %6}], [%2], {%7, %8};" ::"r"(to), "l"(map), "r"(signal), "r"(c), "r"(x), "r"(y),
                 "r"(image), "h"((u16)tap_x), "h"((u16)tap_y) : "memory");
}

/* The registers of a product of COLUMNS columns, as text and as operands: half as many as there are columns. */
#define CN_TEXT_OF(x) #x
#define CN_TEXT(x) CN_TEXT_OF(x)
#define CN_TEN(t) "%" #t "0, %" #t "1, %" #t "2, %" #t "3, %" #t "4, %" #t "5, %" #t "6, %" #t "7, %" #t "8, %" #t "9"
#define CN_30 CN_TEN() ", " CN_TEN(1) ", " CN_TEN(2)
#define CN_60 CN_30 ", " CN_TEN(3) ", " CN_TEN(4) ", " CN_TEN(5)
#define CN_8_SUMS(i) \
    "+f"(s[i]), "+f"(s[i + 1]), "+f"(s[i + 2]), "+f"(s[i + 3]), "+f"(s[i + 4]), "+f"(s[i + 5]), "+f"(s[i + 6]), \
        "+f"(s[i + 7])
#define CN_32_SUMS(i) CN_8_SUMS(i), CN_8_SUMS(i + 8), CN_8_SUMS(i + 16), CN_8_SUMS(i + 24)
#if COLUMNS == 64
#define CN_REGISTERS CN_30 ", %30, %31"
#define CN_SUMS CN_32_SUMS(0)
#elif COLUMNS == 128
#define CN_REGISTERS CN_60 ", %60, %61, %62, %63"
#define CN_SUMS CN_32_SUMS(0), CN_32_SUMS(32)
#elif COLUMNS == 160
#define CN_REGISTERS CN_60 ", " CN_TEN(6) ", " CN_TEN(7)
#define CN_SUMS CN_32_SUMS(0), CN_32_SUMS(32), CN_8_SUMS(64), CN_8_SUMS(72)
#else
#define CN_REGISTERS \
    CN_60 ", " CN_TEN(6) ", " CN_TEN(7) ", " CN_TEN(8) ", " CN_TEN(9) ", " CN_TEN(10) ", " CN_TEN(11) \
        ", %120, %121, %122, %123, %124, %125, %126, %127"
#define CN_SUMS CN_32_SUMS(0), CN_32_SUMS(32), CN_32_SUMS(64), CN_32_SUMS(96)
#endif

/* s += a b, s [64][COLUMNS] in float32, a [64][16], b [16][COLUMNS] by columns, both in the block's memory as their
 * descriptors say. Of each 8 columns j a lane has in s[4 j] and s[4 j + 1] columns 2 c and 2 c + 1 of row 16 w + r, in
 * the other two the same of row 16 w + r + 8, with w = WARP % 4, r = LANE / 4 and c = LANE % 4. All of the four warps
 * come by; s is theirs again behind products_wait. products_begin stands between the last use of s and the first
 * product, products_end closes a group, and products_pass(n) waits until all but the last n groups of this warp have
 * been multiplied. */
DEVICE void products_begin() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DEVICE void product(float* s, u64 a, u64 b)
{
    asm volatile("{ .reg .pred add; setp.ne.b32 add, %[one], 0; "
                 "wgmma.mma_async.sync.aligned.m64n" CN_TEXT(COLUMNS) "k16.f32.f16.f16 {" CN_REGISTERS "}, "
                 "%[a], %[b], add, 1, 1, 0, 0; }" : CN_SUMS : [a] "l"(a), [b] "l"(b), [one] "r"(1));
}
DEVICE void products_end() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
#define products_pass(n) asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(n) : "memory")
DEVICE void products_wait(float* s) { asm volatile("wgmma.wait_group.sync.aligned 0;" : CN_SUMS::"memory"); }
#endif

/* The descriptor of an operand whose lines fetch_box or fetch_pixels has laid out, at an address aligned to 1024 and,
 * for steps that lie further along the lines, more by their bytes: 8 lines are 1024 bytes, the swizzle is that of 128
 * bytes, and the distance between lines of 16 steps has no meaning there. */
DEVICE u64 descriptor(shared_t at)
{
    return (u64)(SHARED_NUMBER(at) >> 4) | (u64)1 << 16 | (u64)(1024 >> 4) << 32 | (u64)1 << 62;
}
#endif
