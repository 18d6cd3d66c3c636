/* A stand-in for libcuda.so.1 with one emulated device: the calls CudaNative.cs makes, and kernels that are the
 * repository's own, compiled for the host. PTX is not read but for its first line, which names the module.
 *
 * Memory is filled with a pattern when it is handed out, so what is read before it is written is seen.
 *
 * EMULATED_CUDA_FAILS_AT=5 has the fifth launch go astray as on a GPU: it is accepted, and the next call that could
 * tell reports an illegal address, as does every call after it. */
#include "registry.h"
#include "emulator.h"
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <setjmp.h>
#include <string>
#include <ucontext.h>
#include <vector>

namespace cn_emulator
{
Place thread, block, grid;

static std::map<std::string, std::map<std::string, Thunk>>& modules()
{
    static std::map<std::string, std::map<std::string, Thunk>> all;
    return all;
}

void enter(const char* module, const char* name, Thunk thunk) { modules()[module][name] = thunk; }

static const size_t StackBytes = 256 << 10;

struct Fiber
{
    ucontext_t context;
    jmp_buf at;
    std::vector<char> stack;
    int thread = 0;
    bool begun = false, ended = false;
};

/* The block that runs: fibers that were made, of which the first `live` have threads in this block. */
static std::vector<Fiber*> fibers;
static Fiber* current;
static jmp_buf scheduler;
static int next_thread, threads, block_x, block_y;
static Thunk kernel;
static void** parameters;
static uint64_t seed = 88172645463325252ull;

static void place(int index)
{
    thread.x = index % block_x;
    thread.y = index / block_x % block_y;
    thread.z = index / block_x / block_y;
}

static void run_threads()
{
    for (;;)
    {
        while (next_thread < threads)
        {
            current->thread = next_thread++;
            place(current->thread);
            kernel(parameters);
        }
        current->ended = true;
        barrier();
    }
}

/* Contexts are for the first entry alone: swapcontext asks the kernel for the signal mask each time, a jump does not. */
void barrier()
{
    if (_setjmp(current->at) == 0) _longjmp(scheduler, 1);
}

static void resume(Fiber* fiber)
{
    current = fiber;
    place(fiber->thread);
    if (_setjmp(scheduler) != 0) return;
    if (fiber->begun) _longjmp(fiber->at, 1);
    fiber->begun = true;
    setcontext(&fiber->context);
}

static Fiber* fiber(size_t index)
{
    if (index == fibers.size())
    {
        Fiber* made = new Fiber;
        made->stack.resize(StackBytes);
        getcontext(&made->context);
        made->context.uc_stack.ss_sp = made->stack.data();
        made->context.uc_stack.ss_size = made->stack.size();
        made->context.uc_link = nullptr;
        makecontext(&made->context, run_threads, 0);
        fibers.push_back(made);
    }
    return fibers[index];
}

static void run_block()
{
    next_thread = 0;
    std::vector<Fiber*> waiting;
    while (next_thread < threads)
    {
        Fiber* started = fiber(waiting.size());
        started->ended = false;
        resume(started);
        if (!started->ended) waiting.push_back(started);
    }
    size_t whole = waiting.size();
    while (!waiting.empty())
    {
        if (waiting.size() != whole || (int)whole != threads)
        {
            fprintf(stderr, "emulated CUDA: a barrier that some threads of a block do not come by\n");
            abort();
        }
        for (size_t i = whole - 1; i > 0; i--)
        {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            std::swap(waiting[i], waiting[seed % (i + 1)]);
        }
        std::vector<Fiber*> again;
        for (Fiber* f : waiting)
        {
            resume(f);
            if (!f->ended) again.push_back(f);
        }
        waiting.swap(again);
        whole = waiting.empty() ? 0 : threads;
    }
}
}

using namespace cn_emulator;

namespace
{
const int Success = 0, InvalidValue = 1, OutOfMemory = 2, InvalidDevice = 101, InvalidImage = 200, NoContext = 201,
    NotFound = 500, IllegalAddress = 700;
const size_t MemoryBytes = 4ull << 30;

struct Function
{
    std::string name;
    Thunk thunk;
};

std::mutex one_at_a_time;
std::map<uintptr_t, size_t> memory;
size_t used;
thread_local bool has_context;

/* Launches until the one that goes astray; 0 for none. */
long launches_left = getenv("EMULATED_CUDA_FAILS_AT") ? atol(getenv("EMULATED_CUDA_FAILS_AT")) : 0;
bool lost;

/* What stands in the way of a call that works in the context. */
int state() { return !has_context ? NoContext : lost ? IllegalAddress : Success; }

/* Whether a range lies in one block. */
bool is_inside(uintptr_t at, size_t bytes)
{
    auto after = memory.upper_bound(at);
    if (after == memory.begin()) return false;
    --after;
    return at + bytes <= after->first + after->second;
}
}

#define API extern "C" __attribute__((visibility("default"))) int

API cuInit(unsigned) { return Success; }
API cuDriverGetVersion(int* version) { *version = 12040; return Success; }
API cuDeviceGetCount(int* count) { *count = 1; return Success; }
API cuDeviceGet(int* device, int index) { *device = index; return index == 0 ? Success : InvalidDevice; }
API cuDeviceGetName(char* name, int bytes, int)
{
    snprintf(name, bytes, "emulated GPU");
    return Success;
}
API cuDeviceTotalMem_v2(size_t* bytes, int) { *bytes = MemoryBytes; return Success; }
API cuDeviceGetAttribute(int* value, int attribute, int)
{
    *value = attribute == 1 ? 1024 : attribute == 8 ? 49152 : attribute == 16 ? 4 : attribute == 75 ? 9 : 0;
    return Success;
}
API cuDevicePrimaryCtxRetain(void** context, int) { *context = (void*)1; return Success; }
API cuDevicePrimaryCtxRelease_v2(int) { return Success; }
API cuCtxSetCurrent(void* context) { has_context = context != nullptr; return Success; }
API cuMemGetInfo_v2(size_t* free_bytes, size_t* total)
{
    *free_bytes = MemoryBytes - used;
    *total = MemoryBytes;
    return state();
}
API cuMemAlloc_v2(uintptr_t* address, size_t bytes)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = state()) return code;
    if (bytes == 0) return InvalidValue;
    if (bytes > MemoryBytes - used) return OutOfMemory;
    void* block_memory = aligned_alloc(512, (bytes + 511) / 512 * 512);
    if (!block_memory) return OutOfMemory;
    memset(block_memory, 0x7e, bytes);
    used += bytes;
    memory[(uintptr_t)block_memory] = bytes;
    *address = (uintptr_t)block_memory;
    return Success;
}
API cuMemFree_v2(uintptr_t address)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = state()) return code;
    auto found = memory.find(address);
    if (found == memory.end()) return InvalidValue;
    used -= found->second;
    memory.erase(found);
    free((void*)address);
    return Success;
}
API cuMemcpyHtoDAsync_v2(uintptr_t to, const void* from, size_t bytes, void*)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = state()) return code;
    if (!is_inside(to, bytes)) return InvalidValue;
    memcpy((void*)to, from, bytes);
    return Success;
}
API cuMemcpyDtoHAsync_v2(void* to, uintptr_t from, size_t bytes, void*)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = state()) return code;
    if (!is_inside(from, bytes)) return InvalidValue;
    memcpy(to, (void*)from, bytes);
    return Success;
}
API cuStreamCreate(void** stream, unsigned) { *stream = malloc(1); return state(); }
API cuStreamDestroy_v2(void* stream) { free(stream); return Success; }
API cuStreamSynchronize(void*) { return state(); }
API cuModuleLoadDataEx(void** module, const char* image, unsigned count, int* options, void** values)
{
    if (int code = state()) return code;
    const char* end = strchr(image, '\n');
    std::string line(image, end ? end - image : strlen(image));
    auto found = line.rfind("// ", 0) == 0 ? modules().find(line.substr(3)) : modules().end();
    if (found != modules().end())
    {
        *module = &found->second;
        return Success;
    }
    for (unsigned i = 0; i < count; i++)
    {
        if (options[i] == 5) snprintf((char*)values[i], 256, "there is no module '%s' here", line.c_str());
    }
    return InvalidImage;
}
API cuModuleUnload(void*) { return Success; }
API cuModuleGetFunction(void** function, void* module, const char* name)
{
    auto& entries = *(std::map<std::string, Thunk>*)module;
    auto found = entries.find(name);
    if (found == entries.end()) return NotFound;
    *function = new Function{name, found->second};
    return Success;
}
API cuLaunchKernel(
    Function* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned, void*,
    void** arguments, void**)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = state()) return code;
    if (gx == 0 || gy == 0 || gz == 0 || gy > 65535 || gz > 65535 || bx * by * bz > 1024) return InvalidValue;
    if (launches_left > 0 && --launches_left == 0)
    {
        lost = true;
        return Success;
    }
    grid = {(int)gx, (int)gy, (int)gz};
    block_x = bx;
    block_y = by;
    threads = bx * by * bz;
    kernel = function->thunk;
    parameters = arguments;
    for (block.z = 0; block.z < grid.z; block.z++)
    {
        for (block.y = 0; block.y < grid.y; block.y++)
        {
            for (block.x = 0; block.x < grid.x; block.x++) run_block();
        }
    }
    return Success;
}
API cuGetErrorName(int code, const char** name)
{
    *name = code == InvalidValue ? "CUDA_ERROR_INVALID_VALUE" : code == OutOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY"
        : code == InvalidImage ? "CUDA_ERROR_INVALID_IMAGE" : code == NotFound ? "CUDA_ERROR_NOT_FOUND"
        : code == IllegalAddress ? "CUDA_ERROR_ILLEGAL_ADDRESS"
        : code == NoContext ? "CUDA_ERROR_INVALID_CONTEXT" : code == InvalidDevice ? "CUDA_ERROR_INVALID_DEVICE"
        : "CUDA_ERROR_UNKNOWN";
    return Success;
}
