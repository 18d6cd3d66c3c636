/* How a module's kernels are entered under its name, and called with the parameters a driver gets. */
#pragma once
#include <cstring>
#include <utility>

namespace cn_emulator
{
/* Calls a kernel with the values its parameters point to. */
typedef void (*Thunk)(void** parameters);

void enter(const char* module, const char* name, Thunk thunk);

template <auto Kernel> struct Call;

template <typename... A, void (*Kernel)(A...)> struct Call<Kernel>
{
    template <typename T> static T value(void* at)
    {
        T v;
        std::memcpy(&v, at, sizeof v);
        return v;
    }

    template <std::size_t... I> static void call(void** parameters, std::index_sequence<I...>)
    {
        Kernel(value<A>(parameters[I])...);
    }

    static void run(void** parameters) { call(parameters, std::index_sequence_for<A...>()); }
};

struct Entry
{
    Entry(const char* module, const char* name, Thunk thunk) { enter(module, name, thunk); }
};
}
