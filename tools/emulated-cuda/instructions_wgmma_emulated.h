/* The functions of kernels/nv/instructions_wgmma.h for a host compiler, written from the PTX ISA manual and that of the
 * driver's tensor maps, and not from the kernels.
 *
 * A copy lands in some turn after it was queued. A product reads its operands when its group is closed or as late as a
 * wait allows, each warp for itself, and until that wait its sums are NaN to the warp. Memory that is written too
 * early, signals that are not initialised, not told to copies or never come, products without a fence before them, and
 * tiles that lie where the manual forbids give wrong numbers or end the process. */
#ifndef CN_INSTRUCTIONS_WGMMA_EMULATED_H
#define CN_INSTRUCTIONS_WGMMA_EMULATED_H
#include "tensor_map.h"

typedef const tensor_map_t* map_t;

namespace cn_emulator
{
/* The block's dynamic memory, NaN before the first thread comes by; aligned to 16 bytes and not to 32. */
extern unsigned char* dynamic_array();
/* An address as the instructions count: from the start of the block's memory. */
extern unsigned shared_number(shared_t at);

extern void make_signal(shared_t at, int arrivals);
extern void tell_signals();
extern void arrive(shared_t at, int bytes);
extern void wait(shared_t at, unsigned parity);
extern void fetch_tile(shared_t to, map_t map, shared_t signal, const int* at);
extern void fetch_im2col(shared_t to, map_t map, shared_t signal, const int* at, int tap_x, int tap_y);

/* One lane's part in a product of 64 x columns. */
struct WarpProduct
{
    float* sums;
    unsigned long long a, b;
    int columns;
};
extern void begin_products(void** lanes);
extern void queue_product(void** lanes);
extern void end_products(void** lanes);
/* Waits until so many groups have not been multiplied; `left` is the number, one for each lane. */
extern void pass_products(void** left);
inline void join(void**) {}
}

#define MAP_AT(kernel, number, name) (&name)
#define DYNAMIC_ARRAY(name) u8* name = cn_emulator::dynamic_array()
#define SHARED_AT(p) ((shared_t)(p))
#define SHARED_NUMBER(at) cn_emulator::shared_number(at)

static inline void warp_join() { cn_emulator::meet(nullptr, cn_emulator::join); }
static inline void signal_make(shared_t at, int arrivals) { cn_emulator::make_signal(at, arrivals); }
static inline void signals_made() { cn_emulator::tell_signals(); }
static inline void signal_arrive(shared_t at) { cn_emulator::arrive(at, 0); }
static inline void signal_expect(shared_t at, int bytes) { cn_emulator::arrive(at, bytes); }
static inline void signal_wait(shared_t at, unsigned parity) { cn_emulator::wait(at, parity); }
static inline void fetch_box(shared_t to, map_t map, shared_t signal, int c0, int c1, int c2, int c3)
{
    const int at[4] = {c0, c1, c2, c3};
    cn_emulator::fetch_tile(to, map, signal, at);
}
static inline void fetch_pixels(
    shared_t to, map_t map, shared_t signal, int c, int x, int y, int image, int tap_x, int tap_y)
{
    const int at[4] = {c, x, y, image};
    cn_emulator::fetch_im2col(to, map, signal, at, tap_x, tap_y);
}
static inline void products_begin() { cn_emulator::meet(nullptr, cn_emulator::begin_products); }
#if defined(COLUMNS)
static inline void product(float* sums, unsigned long long a, unsigned long long b)
{
    cn_emulator::WarpProduct own = {sums, a, b, COLUMNS};
    cn_emulator::meet(&own, cn_emulator::queue_product);
}
#endif
static inline void products_end() { cn_emulator::meet(nullptr, cn_emulator::end_products); }
static inline void products_pass(int groups) { cn_emulator::meet(&groups, cn_emulator::pass_products); }
static inline void products_wait(float*) { products_pass(0); }
#endif
