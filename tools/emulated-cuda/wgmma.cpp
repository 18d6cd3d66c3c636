/* What compute capability 9.0 alone has, for the block that runs: signals, copies of tiles, products of four warps. */
#include "threads.h"
#include "prelude.h"
#include "nv/instructions.h"
#include "nv/instructions_wgmma.h"
#include "wgmma.h"
#include <map>
#include <vector>

namespace cn_emulator
{
size_t dynamic_bytes;

/* The memory a block may have, and where what it asked for begins. */
static const size_t WindowBytes = 256 << 10, Start = 1024 + 16;
static unsigned char window[WindowBytes] __attribute__((aligned(1024)));

struct Signal
{
    int expected, missing;
    long bytes = 0;
    unsigned phase = 0;
    /* Who has made it, whether a fence has told copies of it, and a barrier of the block the other threads. */
    int maker = 0;
    bool is_told = false, is_known = false;
};
static std::map<shared_t, Signal> signals;

/* Lines of a copy that has not landed: where each of them comes from, null for zeros, and bytes that are there. */
struct Line
{
    const char* from;
    int bytes;
};
struct Flight
{
    shared_t to, signal;
    std::vector<Line> lines;
};
static std::vector<Flight> flights;

/* Products of a warp whose sums it has not got back. */
struct Products
{
    float* sums[32];
    int columns = 0;
    bool is_fenced = false;
    std::vector<float> kept;
    /* Descriptors of products, in groups of which the last is open, and how many of the first were multiplied. */
    std::vector<std::vector<std::pair<uint64_t, uint64_t>>> groups{1};
    size_t made = 0;
};
static Products products[32];
/* Of each four warps, what they were to multiply, and how many of that each has queued. */
static std::vector<std::pair<uint64_t, uint64_t>> asked[8];
static size_t queued[32];

static const int LineBytes = 128;

unsigned char* dynamic_array()
{
    if (Start + dynamic_bytes > WindowBytes) stop("a block that was launched with more memory than there is");
    shared_t at = shared_of(window + Start, dynamic_bytes);
    return (unsigned char*)at;
}

unsigned shared_number(shared_t at)
{
    if (at < (shared_t)window || at >= (shared_t)window + WindowBytes) stop("an address outside the block's memory");
    return (unsigned)(at - (shared_t)window);
}

static shared_t swizzled(shared_t at) { return at ^ (at >> 7 & 7) << 4; }

static Signal& signal_at(shared_t at)
{
    auto found = signals.find(at);
    if (found == signals.end()) stop("an mbarrier that was not initialised");
    return found->second;
}

static Signal& signal_of_thread(shared_t at)
{
    Signal& signal = signal_at(at);
    if (!signal.is_known && signal.maker != thread.x) stop("an mbarrier without a barrier behind its initialisation");
    return signal;
}

void pass_barrier()
{
    for (auto& entry : signals) entry.second.is_known = true;
}

static void end_phase(Signal& signal)
{
    if (signal.missing > 0 || signal.bytes != 0) return;
    signal.phase++;
    signal.missing = signal.expected;
}

void make_signal(shared_t at, int arrivals)
{
    if (at % 8 != 0 || !is_shared(at, 8)) stop("an mbarrier that is not aligned to 8 bytes inside the block's memory");
    Signal made;
    made.expected = made.missing = arrivals;
    made.maker = thread.x;
    signals[at] = made;
}

void tell_signals()
{
    for (auto& entry : signals) entry.second.is_told = true;
}

void arrive(shared_t at, int bytes)
{
    Signal& signal = signal_of_thread(at);
    if (signal.missing == 0) stop("more arrivals at an mbarrier than it was initialised with");
    signal.bytes += bytes;
    signal.missing--;
    end_phase(signal);
}

bool is_over(shared_t at, unsigned parity) { return (signal_at(at).phase & 1) != parity; }

void wait(shared_t at, unsigned parity)
{
    signal_of_thread(at);
    if (!is_over(at, parity)) suspend_for_phase(at, parity);
}

static Flight take_off(shared_t to, map_t map, shared_t signal, int lines, bool is_images)
{
    if ((uintptr_t)map % 64 != 0 || map->mark != tensor_map_t::Mark) stop("a tensor map that the driver has not made");
    if ((bool)map->is_images != is_images) stop("a tensor map of the other kind");
    if (!signal_at(signal).is_told) stop("a copy to an mbarrier without a fence behind its initialisation");
    if (to % LineBytes != 0 || !is_shared(to, (size_t)lines * LineBytes))
    {
        stop("a tile that is not aligned to 128 bytes inside the block's memory");
    }
    Flight flight;
    flight.to = to;
    flight.signal = signal;
    return flight;
}

/* The line at channel or step at[0] of a place; zeros where that does not exist. */
static Line line_at(map_t map, const long* at)
{
    const char* from = (const char*)map->address + at[0] * 2;
    bool there = at[0] >= 0;
    for (int d = 1; d < 4; d++)
    {
        there = there && at[d] >= 0 && at[d] < map->extents[d];
        from += at[d] * (long)map->strides[d - 1];
    }
    long left = ((long)map->extents[0] - at[0]) * 2;
    int bytes = !there || left <= 0 ? 0 : left < LineBytes ? (int)left : LineBytes;
    if (bytes > 0 && !is_device_memory(from, bytes)) stop("a tile of a tensor where no device memory is");
    return {from, bytes};
}

void fetch_tile(shared_t to, map_t map, shared_t signal, const int* at)
{
    Flight flight = take_off(to, map, signal, map->box[1] * map->box[2] * map->box[3], false);
    int lines = map->box[1], members = map->box[2];
    for (int i = 0; i < lines * members * map->box[3]; i++)
    {
        const long place[4] = {
            at[0], at[1] + i % lines, at[2] + i / lines % members, at[3] + i / lines / members};
        flight.lines.push_back(line_at(map, place));
    }
    flights.push_back(flight);
}

/* Pixels follow each other within the box from the lower corner to the upper one, then from line to line and from image
 * to image. Taps move what is read, not what follows. */
void fetch_im2col(shared_t to, map_t map, shared_t signal, const int* at, int tap_x, int tap_y)
{
    Flight flight = take_off(to, map, signal, map->box[1], true);
    if (tap_x < 0 || tap_x > 255 || tap_y < 0 || tap_y > 255) stop("a tap beyond 255");
    long x = at[1], y = at[2], image = at[3];
    for (int i = 0; i < map->box[1]; i++)
    {
        const long place[4] = {at[0], x + tap_x, y + tap_y, image};
        flight.lines.push_back(line_at(map, place));
        x += map->steps[0];
        if (x >= (long)map->extents[1] + map->upper[0])
        {
            x = map->lower[0];
            y += map->steps[1];
        }
        if (y >= (long)map->extents[2] + map->upper[1])
        {
            y = map->lower[1];
            image++;
        }
    }
    flights.push_back(flight);
}

bool land_one()
{
    if (flights.empty()) return false;
    size_t chosen = draw() % flights.size();
    Flight flight = flights[chosen];
    flights.erase(flights.begin() + chosen);
    for (size_t i = 0; i < flight.lines.size(); i++)
    {
        char line[LineBytes] = {};
        if (flight.lines[i].bytes > 0) memcpy(line, flight.lines[i].from, flight.lines[i].bytes);
        for (int piece = 0; piece < LineBytes; piece += 16)
        {
            memcpy((void*)swizzled(flight.to + i * LineBytes + piece), line + piece, 16);
        }
    }
    Signal& signal = signal_at(flight.signal);
    signal.bytes -= (long)flight.lines.size() * LineBytes;
    end_phase(signal);
    return true;
}

/* Element `step` of line `line` of an operand, by steps, with the layout for a swizzle of 128 bytes. */
static float operand(uint64_t descriptor, int line, int step)
{
    if (descriptor >> 62 != 1 || (descriptor >> 49 & 7) != 0) stop("a descriptor for another swizzle");
    size_t start = (descriptor & 0x3fff) << 4, eight = (descriptor >> 32 & 0x3fff) << 4;
    shared_t at = swizzled((shared_t)window + start + line / 8 * eight + line % 8 * LineBytes + step * 2);
    if (!is_shared(at, 2)) stop("a product of what lies outside the block's memory");
    return h2f(half_at(at, 0));
}

static void multiply(Products& own, int warp, uint64_t a, uint64_t b)
{
    float rows[16][16];
    for (int row = 0; row < 16; row++)
    {
        for (int k = 0; k < 16; k++) rows[row][k] = operand(a, warp % 4 * 16 + row, k);
    }
    for (int column = 0; column < own.columns; column++)
    {
        float steps[16];
        for (int k = 0; k < 16; k++) steps[k] = operand(b, column, k);
        for (int row = 0; row < 16; row++)
        {
            int lane = row % 8 * 4 + column % 8 / 2;
            float& sum = own.kept[lane * own.columns / 2 + column / 8 * 4 + row / 8 * 2 + column % 2];
            for (int k = 0; k < 16; k++) sum += rows[row][k] * steps[k];
        }
    }
}

static void multiply_group(int warp)
{
    Products& own = products[warp];
    for (auto& pair : own.groups[own.made]) multiply(own, warp, pair.first, pair.second);
    own.made++;
}

static int this_warp() { return thread.x / 32; }

void begin_products(void**) { products[this_warp()].is_fenced = true; }

void queue_product(void** lanes)
{
    int warp = this_warp();
    Products& own = products[warp];
    const WarpProduct& first = *(WarpProduct*)lanes[0];
    if (threads < (warp / 4 + 1) * 128) stop("a product of fewer than four warps");
    if (!own.is_fenced) stop("a product without a fence since its sums were used");
    bool is_new = own.columns == 0;
    own.columns = first.columns;
    if (is_new) own.kept.assign(32 * own.columns / 2, 0);
    for (int lane = 0; lane < 32; lane++)
    {
        const WarpProduct& part = *(WarpProduct*)lanes[lane];
        if (part.a != first.a || part.b != first.b) stop("lanes of a warp with products of different operands");
        if (is_new)
        {
            own.sums[lane] = part.sums;
            memcpy(&own.kept[lane * own.columns / 2], part.sums, own.columns / 2 * sizeof(float));
            for (int i = 0; i < own.columns / 2; i++) part.sums[i] = NAN;
        }
        else if (own.sums[lane] != part.sums || own.columns != part.columns) stop("other sums than those under way");
    }
    auto& of_four = asked[warp / 4];
    std::pair<uint64_t, uint64_t> pair(first.a, first.b);
    if (queued[warp] == of_four.size()) of_four.push_back(pair);
    else if (of_four[queued[warp]] != pair) stop("four warps with products of different operands");
    queued[warp]++;
    own.groups.back().push_back(pair);
}

void end_products(void**)
{
    int warp = this_warp();
    Products& own = products[warp];
    own.groups.emplace_back();
    while (own.made + 1 < own.groups.size() && chance()) multiply_group(warp);
}

void pass_products(void** left)
{
    int warp = this_warp();
    Products& own = products[warp];
    size_t groups = *(int*)left[0];
    while (own.made + 1 + groups < own.groups.size()) multiply_group(warp);
    if (groups > 0 || own.columns == 0) return;
    if (!own.groups.back().empty()) stop("products that no group was closed behind");
    for (int lane = 0; lane < 32; lane++)
    {
        memcpy(own.sums[lane], &own.kept[lane * own.columns / 2], own.columns / 2 * sizeof(float));
    }
    own = Products();
}

void begin_block()
{
    signals.clear();
    for (auto& of_four : asked) of_four.clear();
    for (size_t& count : queued) count = 0;
}

void end_block()
{
    if (!flights.empty()) stop("a block that ends before its copies have landed");
    for (const Products& own : products)
    {
        if (own.columns != 0) stop("a block that ends before its products");
    }
}
}
