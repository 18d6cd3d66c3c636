/* Between wgmma.cpp and threads.cpp, which runs blocks. */
#pragma once
#include <cstddef>
#include <cstdint>

namespace cn_emulator
{
/* Numbers by chance, the same in every run. */
uint64_t draw();

/* The array of the block, full of NaN before the first thread of a block comes by, at an address of its own. */
uintptr_t shared_of(void* array, size_t bytes);

/* Has the thread wait until a phase of an mbarrier is over. */
void suspend_for_phase(uintptr_t signal, unsigned parity);

/* Whether the phase of that parity is over. */
bool is_over(uintptr_t signal, unsigned parity);

/* Lands one of the copies under way, whichever; false where there are none. */
bool land_one();

/* All threads of the block have come to a barrier. */
void pass_barrier();

/* Before the first thread of a block and behind its last. */
void begin_block();
void end_block();
}
