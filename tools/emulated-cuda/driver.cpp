/* A stand-in for libcuda.so.1 with one emulated device: the calls CudaNative.cs makes, and kernels that are the
 * repository's own, compiled for the host. PTX is not read but for its first line, which names the module, and its
 * target.
 *
 * Memory is filled with a pattern when it is handed out, so what is read before it is written is seen.
 *
 * EMULATED_CUDA_COMPUTE=8.0 is the compute capability it reports, 9.0 where nothing is said.
 *
 * emulated_cuda_count tells tests what was asked for.
 *
 * Copies from pinned memory are made as late as they may be, so that a source that is reused too early is seen.
 *
 * EMULATED_CUDA_FAILS_AT=5 has the fifth launch go astray as on a GPU, recorded ones counted when they run: it is
 * accepted, and the next call that could tell reports an illegal address, as does every call after it. */
#include "driver.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

namespace cn_emulator
{
static std::map<std::string, std::map<std::string, Thunk>>& modules()
{
    static std::map<std::string, std::map<std::string, Thunk>> all;
    return all;
}

void enter(const char* module, const char* name, Thunk thunk) { modules()[module][name] = thunk; }

const size_t MemoryBytes = 4ull << 30;

thread_local Stream* capture;

long host_launches, recorded_launches, replays, replayed_launches, graphs, copies_in, copies_done, pinned_blocks;
std::map<std::string, long> launches_of;
std::vector<Node> late_copies;
std::map<uintptr_t, size_t> pinned;

std::mutex one_at_a_time;
std::map<uintptr_t, size_t> memory;
size_t used;
thread_local bool has_context;

/* Launches until the one that goes astray; 0 for none. */
long launches_left = getenv("EMULATED_CUDA_FAILS_AT") ? atol(getenv("EMULATED_CUDA_FAILS_AT")) : 0;
bool lost;

int state() { return !has_context ? NoContext : lost ? IllegalAddress : Success; }

int unrecorded()
{
    if (int code = state()) return code;
    if (!capture) return Success;
    capture->is_void = true;
    return CaptureUnsupported;
}

/* Whether a range lies in one block. */
bool is_inside(const std::map<uintptr_t, size_t>& blocks, uintptr_t at, size_t bytes)
{
    auto after = blocks.upper_bound(at);
    if (after == blocks.begin()) return false;
    --after;
    return at + bytes <= after->first + after->second;
}

int compute()
{
    const char* words = getenv("EMULATED_CUDA_COMPUTE");
    return words ? atoi(words) * 10 + (strchr(words, '.') ? atoi(strchr(words, '.') + 1) : 0) : 90;
}

void catch_up(long number)
{
    size_t made = 0;
    for (; made < late_copies.size() && copies_done < number; made++, copies_done++)
    {
        memcpy(late_copies[made].to, late_copies[made].from, late_copies[made].bytes);
    }
    late_copies.erase(late_copies.begin(), late_copies.begin() + made);
}

int run(const Node& node, void** arguments)
{
    if (launches_left > 0 && --launches_left == 0)
    {
        lost = true;
        return Success;
    }
    catch_up(copies_in);
    launches_of[node.function->name]++;
    grid = node.grid;
    block_x = node.block.x;
    block_y = node.block.y;
    threads = node.block.x * node.block.y * node.block.z;
    dynamic_bytes = node.dynamic_bytes;
    kernel = node.function->thunk;
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

int record(Stream* stream, Node&& node)
{
    if (stream->is_void) return CaptureInvalidated;
    stream->captured->push_back(std::move(node));
    return Success;
}

/* Whether a target of PTX, sm_80 or sm_90a, is for the device. */
bool is_for(const std::string& target)
{
    int of_target = atoi(target.c_str() + 3);
    return target.back() == 'a' ? of_target == compute() : of_target <= compute();
}
}

using namespace cn_emulator;

bool cn_emulator::is_device_memory(const void* at, size_t bytes) { return is_inside(memory, (uintptr_t)at, bytes); }

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
    *value = attribute == 1 ? 1024 : attribute == 8 ? 49152 : attribute == 16 ? 4 : attribute == 75 ? compute() / 10
        : attribute == 76 ? compute() % 10 : 0;
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
    if (int code = unrecorded()) return code;
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
    if (int code = unrecorded()) return code;
    auto found = memory.find(address);
    if (found == memory.end()) return InvalidValue;
    catch_up(copies_in);
    used -= found->second;
    memory.erase(found);
    free((void*)address);
    return Success;
}
API cuMemHostAlloc(void** address, size_t bytes, unsigned)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = unrecorded()) return code;
    *address = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    if (!*address) return OutOfMemory;
    pinned[(uintptr_t)*address] = bytes;
    pinned_blocks++;
    return Success;
}
API cuMemFreeHost(void* address)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = unrecorded()) return code;
    if (pinned.erase((uintptr_t)address) == 0) return InvalidValue;
    catch_up(copies_in);
    pinned_blocks--;
    free(address);
    return Success;
}
API cuMemcpyHtoDAsync_v2(uintptr_t to, const void* from, size_t bytes, Stream* stream)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = state()) return code;
    if (!is_inside(memory, to, bytes)) return InvalidValue;
    Node node;
    node.to = (void*)to;
    node.from = from;
    node.bytes = bytes;
    if (stream->captured) return record(stream, std::move(node));
    copies_in++;
    late_copies.push_back(node);
    if (!is_inside(pinned, (uintptr_t)from, bytes)) catch_up(copies_in);
    return Success;
}
API cuMemcpyDtoHAsync_v2(void* to, uintptr_t from, size_t bytes, Stream* stream)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = state()) return code;
    if (!is_inside(memory, from, bytes)) return InvalidValue;
    Node node;
    node.to = to;
    node.from = (void*)from;
    node.bytes = bytes;
    if (stream->captured) return record(stream, std::move(node));
    catch_up(copies_in);
    memcpy(to, (void*)from, bytes);
    return Success;
}
API cuModuleLoadDataEx(void** module, const char* image, unsigned count, int* options, void** values)
{
    if (int code = unrecorded()) return code;
    const char* end = strchr(image, '\n');
    std::string line(image, end ? end - image : strlen(image));
    const char* of_target = strstr(image, "\n.target ");
    std::string target = of_target ? std::string(of_target + 9, strcspn(of_target + 9, " ,\n")) : "";
    if (target.size() > 3 && !is_for(target)) return NoBinary;
    auto found = line.rfind("// ", 0) == 0 ? modules().find(line.substr(3) + " " + target) : modules().end();
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
    Function* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
    unsigned dynamic, Stream* stream, void** arguments, void**)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    if (int code = state()) return code;
    if (gx == 0 || gy == 0 || gz == 0 || gy > 65535 || gz > 65535 || bx * by * bz > 1024) return InvalidValue;
    if (dynamic > function->most_dynamic) return InvalidValue;
    Node node;
    node.function = function;
    node.grid = {(int)gx, (int)gy, (int)gz};
    node.block = {(int)bx, (int)by, (int)bz};
    node.dynamic_bytes = dynamic;
    if (!stream->captured)
    {
        host_launches++;
        return run(node, arguments);
    }
    size_t sizes[256];
    size_t count = function->thunk(nullptr, sizes);
    for (size_t i = 0; i < count; i++)
    {
        node.values.emplace_back((char*)arguments[i], (char*)arguments[i] + sizes[i]);
    }
    recorded_launches++;
    return record(stream, std::move(node));
}
/* What was asked for since the library was loaded, and what is alive; -1 for a name that nothing has. "launches of
 * NAME" are those of one kernel that have run. */
extern "C" __attribute__((visibility("default"))) long emulated_cuda_count(const char* what)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    const std::map<std::string, long> counts = {
        {"launches", host_launches}, {"recorded launches", recorded_launches}, {"replays", replays},
        {"replayed launches", replayed_launches}, {"graphs", graphs}, {"copies to the device", copies_in},
        {"bytes", (long)used}, {"pinned blocks", pinned_blocks},
    };
    if (strncmp(what, "launches of ", 12) == 0) return launches_of[what + 12];
    auto found = counts.find(what);
    return found == counts.end() ? -1 : found->second;
}
API cuGetErrorName(int code, const char** name)
{
    *name = code == InvalidValue ? "CUDA_ERROR_INVALID_VALUE" : code == OutOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY"
        : code == InvalidImage ? "CUDA_ERROR_INVALID_IMAGE"
        : code == NoBinary ? "CUDA_ERROR_NO_BINARY_FOR_GPU" : code == NotFound ? "CUDA_ERROR_NOT_FOUND"
        : code == IllegalAddress ? "CUDA_ERROR_ILLEGAL_ADDRESS"
        : code == IllegalState ? "CUDA_ERROR_ILLEGAL_STATE"
        : code == CaptureUnsupported ? "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"
        : code == CaptureInvalidated ? "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"
        : code == NoContext ? "CUDA_ERROR_INVALID_CONTEXT" : code == InvalidDevice ? "CUDA_ERROR_INVALID_DEVICE"
        : "CUDA_ERROR_UNKNOWN";
    return Success;
}
