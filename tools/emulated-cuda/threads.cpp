#include "threads.h"
#include "prelude.h"
#include "nv/instructions.h"
#include "wgmma.h"
#include <setjmp.h>
#include <ucontext.h>
#include <vector>

namespace cn_emulator
{
Place thread, block, grid;
int threads, block_x, block_y;
Thunk kernel;
void** parameters;

static const size_t StackBytes = 256 << 10;

/* What a fiber waits for: nothing, the other threads of the block, the other lanes of its warp, or a phase of an
 * mbarrier. */
enum class Wait
{
    Nothing,
    Block,
    Warp,
    Phase
};

struct Fiber
{
    ucontext_t context;
    jmp_buf at;
    std::vector<char> stack;
    int thread = 0;
    bool begun = false, ended = false;
    Wait wait = Wait::Nothing;
    shared_t signal = 0;
    unsigned parity = 0;
    Copies copies;
};

/* Lanes of a warp that have come to an instruction they do together. */
struct Meeting
{
    int count = 0;
    void (*act)(void**) = nullptr;
    void* arguments[32];
    Fiber* lanes[32];
};

/* The block that runs: fibers that were made, of which the first `live` have threads in this block. */
static std::vector<Fiber*> fibers;
static Fiber* current;
static jmp_buf scheduler;
static int next_thread;
static uint64_t seed = 88172645463325252ull;
static Meeting meetings[32];
static char* array;
static size_t array_bytes;

uint64_t draw()
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

bool chance() { return draw() >> 20 & 1; }
Copies& copies() { return current->copies; }

void stop(const char* words)
{
    fprintf(stderr, "emulated CUDA: %s\n", words);
    abort();
}

shared_t shared(void* of_block, size_t bytes) { return shared_of(of_block, bytes); }

shared_t shared_of(void* of_block, size_t bytes)
{
    if (!array) memset(of_block, 0x7e, bytes);
    array = (char*)of_block;
    array_bytes = bytes;
    return (shared_t)of_block;
}

bool is_shared(shared_t at, size_t bytes)
{
    return at >= (shared_t)array && at + bytes <= (shared_t)array + array_bytes;
}

static void place(int index)
{
    thread.x = index % block_x;
    thread.y = index / block_x % block_y;
    thread.z = index / block_x / block_y;
}

/* Contexts are for the first entry alone: swapcontext asks the kernel for the signal mask each time, a jump does
 * not. */
static void suspend(Wait wait)
{
    current->wait = wait;
    if (_setjmp(current->at) == 0) _longjmp(scheduler, 1);
}

void suspend_for_phase(shared_t signal, unsigned parity)
{
    current->signal = signal;
    current->parity = parity;
    suspend(Wait::Phase);
}

static void run_threads()
{
    for (;;)
    {
        while (next_thread < threads)
        {
            current->thread = next_thread++;
            place(current->thread);
            kernel(parameters, nullptr);
            for (auto& group : current->copies.groups)
            {
                if (!group.empty()) stop("a thread that ends before its copies have landed");
            }
            current->copies.groups.assign(1, {});
        }
        current->ended = true;
        suspend(Wait::Nothing);
    }
}

void barrier() { suspend(Wait::Block); }

void meet(void* argument, void (*act)(void**))
{
    if (threads % 32 != 0 || block_y != 1) stop("warps in a block that is not made of whole ones");
    Meeting& own = meetings[current->thread / 32];
    if (own.count > 0 && own.act != act) stop("lanes of a warp that come to different instructions");
    own.act = act;
    own.arguments[current->thread % 32] = argument;
    own.lanes[current->thread % 32] = current;
    if (++own.count < 32)
    {
        suspend(Wait::Warp);
        return;
    }
    own.count = 0;
    act(own.arguments);
    for (Fiber* lane : own.lanes) lane->wait = Wait::Nothing;
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

/* One turn for the fibers that wait for nothing, in a random order, and by chance for a copy under way. A warp sits out
 * turns by its speed, so that one may be far ahead of another. Whether any ran. */
static bool turn(std::vector<Fiber*>& live, const int* speeds)
{
    bool runs[32], any = false;
    for (bool& run : runs) run = false;
    for (int warp = 0; warp <= (threads - 1) / 32; warp++) runs[warp] = (int)(draw() >> 20 & 7) < speeds[warp];
    for (size_t i = live.size() - 1; i > 0; i--) std::swap(live[i], live[draw() % (i + 1)]);
    std::vector<Fiber*> again;
    if (chance()) land_one();
    for (Fiber* f : live)
    {
        if (f->wait == Wait::Phase && is_over(f->signal, f->parity)) f->wait = Wait::Nothing;
        if (f->wait == Wait::Nothing)
        {
            any = true;
            if (runs[f->thread / 32]) resume(f);
        }
        if (!f->ended) again.push_back(f);
    }
    live.swap(again);
    return any;
}

void run_block()
{
    next_thread = 0;
    array = nullptr;
    begin_block();
    std::vector<Fiber*> live;
    while (next_thread < threads)
    {
        Fiber* started = fiber(live.size());
        started->ended = false;
        started->wait = Wait::Nothing;
        resume(started);
        if (!started->ended) live.push_back(started);
    }
    int speeds[32];
    for (int& speed : speeds) speed = 8;
    while (!live.empty())
    {
        if (turn(live, speeds) || land_one()) continue;
        for (Fiber* f : live)
        {
            if (f->wait == Wait::Warp) stop("an instruction of a warp that some of its lanes do not come by");
            if (f->wait == Wait::Phase) stop("a wait for a phase of an mbarrier that nobody ends");
        }
        if ((int)live.size() != threads) stop("a barrier that some threads of a block do not come by");
        pass_barrier();
        for (Fiber* f : live) f->wait = Wait::Nothing;
        for (int& speed : speeds) speed = 1 << (draw() >> 20 & 3);
    }
    end_block();
}
}
