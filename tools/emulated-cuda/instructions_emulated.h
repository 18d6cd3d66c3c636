/* The functions of kernels/nv/instructions.h for a host compiler, each lane as the PTX ISA manual has it: written from
 * the manual and not from the kernels, so that a wrong layout there gives wrong numbers here.
 *
 * A copy lands when it is queued or when it is waited for, as chance has it: a missing wait and a missing barrier
 * before a place is used again are both seen. What is read or written outside of the block's array, or of device
 * memory, or at an address that is not aligned, ends the process. */
#ifndef CN_INSTRUCTIONS_EMULATED_H
#define CN_INSTRUCTIONS_EMULATED_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <vector>

typedef uintptr_t shared_t;

namespace cn_emulator
{
struct Copy
{
    void* to;
    const void* from;
    bool there;
};
/* Copies of a thread that have not landed, in groups; the last group is open. */
struct Copies
{
    std::vector<std::vector<Copy>> groups{1};
};
extern Copies& copies();
extern bool chance();
extern bool is_device_memory(const void* at, size_t bytes);
/* Calls act once all lanes of the warp have come by, with what each of them brought. */
extern void meet(void* argument, void (*act)(void** arguments));
/* The array of the block, full of NaN before the first thread of a block comes by. */
extern shared_t shared(void* array, size_t bytes);
extern bool is_shared(shared_t at, size_t bytes);
[[noreturn]] extern void stop(const char* words);

inline void land(const Copy& copy)
{
    memset(copy.to, 0, 16);
    if (copy.there) memcpy(copy.to, copy.from, 16);
}
inline void check(shared_t at)
{
    if (at % 16 != 0 || !is_shared(at, 16)) stop("an address that is not aligned to 16 bytes inside the block's array");
}

struct Shuffle
{
    float value, result;
    int from;
};
struct Load
{
    unsigned* result;
    shared_t at;
};
struct Product
{
    float* d;
    const unsigned* a;
    unsigned b[2];
};

inline unsigned short half_at(shared_t row, int column)
{
    unsigned short half;
    memcpy(&half, (const char*)row + column * 2, sizeof half);
    return half;
}
template <bool Turned> void load(void** arguments)
{
    for (int matrix = 0; matrix < 4; matrix++)
    {
        for (int lane = 0; lane < 32; lane++)
        {
            unsigned word = 0;
            for (int e = 0; e < 2; e++)
            {
                int row = lane / 4, column = lane % 4 * 2 + e;
                shared_t line = ((Load*)arguments[matrix * 8 + (Turned ? column : row)])->at;
                word |= (unsigned)half_at(line, Turned ? row : column) << (16 * e);
            }
            ((Load*)arguments[lane])->result[matrix] = word;
        }
    }
}
inline float half_of(unsigned word, int e) { return h2f((unsigned short)(word >> (16 * e))); }
inline void multiply(void** arguments)
{
    float a[16][16], b[16][8], d[16][8];
    for (int lane = 0; lane < 32; lane++)
    {
        const Product& own = *(Product*)arguments[lane];
        int group = lane / 4, in_group = lane % 4;
        for (int i = 0; i < 8; i++)
        {
            int row = i / 2 % 2 == 0 ? group : group + 8;
            a[row][in_group * 2 + i % 2 + i / 4 * 8] = half_of(own.a[i / 2], i % 2);
        }
        for (int i = 0; i < 4; i++)
        {
            b[in_group * 2 + i % 2 + i / 2 * 8][group] = half_of(own.b[i / 2], i % 2);
            d[group + i / 2 * 8][in_group * 2 + i % 2] = own.d[i];
        }
    }
    for (int row = 0; row < 16; row++)
    {
        for (int k = 0; k < 16; k++)
        {
            for (int column = 0; column < 8; column++) d[row][column] += a[row][k] * b[k][column];
        }
    }
    for (int lane = 0; lane < 32; lane++)
    {
        for (int i = 0; i < 4; i++)
        {
            ((Product*)arguments[lane])->d[i] = d[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
        }
    }
}
inline void exchange(void** arguments)
{
    for (int lane = 0; lane < 32; lane++)
    {
        Shuffle& own = *(Shuffle*)arguments[lane];
        own.result = ((Shuffle*)arguments[own.from])->value;
    }
}
}

#define SHARED(name) cn_emulator::shared(name, sizeof name)

static inline float shuffle_xor(float v, int mask)
{
    cn_emulator::Shuffle own = {v, 0, LANE ^ mask};
    cn_emulator::meet(&own, cn_emulator::exchange);
    return own.result;
}
static inline unsigned pack_halves(float first, float second)
{
    return (unsigned)f2h(first) | (unsigned)f2h(second) << 16;
}
static inline void copy_16(shared_t to, const void* from, bool there)
{
    cn_emulator::check(to);
    if (there && ((uintptr_t)from % 16 != 0 || !cn_emulator::is_device_memory(from, 16)))
    {
        cn_emulator::stop("a copy from where no device memory is, or from an address not aligned to 16 bytes");
    }
    cn_emulator::Copy copy = {(void*)to, from, there};
#if SM >= 80
    if (cn_emulator::chance())
    {
        cn_emulator::copies().groups.back().push_back(copy);
        return;
    }
#endif
    cn_emulator::land(copy);
}
static inline void copy_commit()
{
#if SM >= 80
    cn_emulator::copies().groups.emplace_back();
#endif
}
static inline void copy_wait(size_t groups)
{
#if SM >= 80
    auto& all = cn_emulator::copies().groups;
    while (all.size() > groups + 1)
    {
        for (const cn_emulator::Copy& copy : all.front()) cn_emulator::land(copy);
        all.erase(all.begin());
    }
#endif
}
static inline void load_matrices(unsigned* r, shared_t at)
{
    cn_emulator::check(at);
    cn_emulator::Load own = {r, at};
    cn_emulator::meet(&own, cn_emulator::load<false>);
}
static inline void load_turned(unsigned* r, shared_t at)
{
    cn_emulator::check(at);
    cn_emulator::Load own = {r, at};
    cn_emulator::meet(&own, cn_emulator::load<true>);
}
static inline void multiply_add(float* d, const unsigned* a, unsigned b0, unsigned b1)
{
    cn_emulator::Product own = {d, a, {b0, b1}};
    cn_emulator::meet(&own, cn_emulator::multiply);
}
#endif
