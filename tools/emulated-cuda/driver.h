/* What the files of the emulated driver share: codes of the real one, what a stream records, and the device. */
#pragma once
#include "threads.h"
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#define API extern "C" __attribute__((visibility("default"))) int

namespace cn_emulator
{
const int Success = 0, InvalidValue = 1, OutOfMemory = 2, InvalidDevice = 101, InvalidImage = 200, NoContext = 201,
    NoBinary = 209, IllegalState = 401, NotFound = 500, IllegalAddress = 700, CaptureUnsupported = 900,
    CaptureInvalidated = 901;

struct Function
{
    std::string name;
    Thunk thunk;
    /* Bytes of a block's memory that the driver was asked to allow a launch to give. */
    size_t most_dynamic = 48 << 10;
};

/* A launch, or a copy where there is no function. */
struct Node
{
    Function* function = nullptr;
    Place grid, block;
    size_t dynamic_bytes = 0;
    std::vector<std::vector<char>> values;
    void* to = nullptr;
    const void* from = nullptr;
    size_t bytes = 0;
};

typedef std::vector<Node> Graph;

struct Stream
{
    Graph* captured = nullptr;
    bool is_void = false;
};

struct Event
{
    long copies = 0;
};

/* Calls lock it, kernels run within. */
extern std::mutex one_at_a_time;

/* What the thread captures, which forbids it what could wait or move memory. */
extern thread_local Stream* capture;

/* What was asked for since the library was loaded; `graphs` are alive. */
extern long replays, replayed_launches, graphs, copies_in;

/* Whether a launch has gone astray. */
extern bool lost;

/* The compute capability, 90 for 9.0. */
int compute();

/* What stands in the way of a call that works in the context. */
int state();

/* The same for a call that a thread may not make while it captures. */
int unrecorded();

/* Makes the copies from pinned memory that were asked for, up to a number of them. */
void catch_up(long number);

/* Runs a launch whose arguments are values or what points to them. */
int run(const Node& node, void** arguments);

/* Records a node into what a stream captures. */
int record(Stream* stream, Node&& node);
}
