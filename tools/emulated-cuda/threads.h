/* The threads of the block that runs: what the driver sets before it runs one. */
#pragma once
#include "registry.h"
#include "emulator.h"
#include <cstddef>

namespace cn_emulator
{
extern int threads, block_x, block_y;
/* Bytes of the block's memory that the launch gave. */
extern size_t dynamic_bytes;
extern Thunk kernel;
extern void** parameters;

/* Runs the block at `block` from its first thread to the end of its last. */
void run_block();

/* Whether a range lies in one block of device memory. */
bool is_device_memory(const void* at, size_t bytes);
}
