/* How a module's kernels are entered under its name, and called with the parameters a driver gets. */
#pragma once
#include <cstddef>
#include <cstring>
#include <utility>

namespace cn_emulator
{
/* Calls a kernel with the values its parameters point to. Where there are none, writes the bytes of each parameter to
 * sizes and returns how many there are. */
typedef std::size_t (*Thunk)(void** parameters, std::size_t* sizes);

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

    static std::size_t run(void** parameters, std::size_t* sizes)
    {
        const std::size_t all[] = {sizeof(A)...};
        if (parameters) call(parameters, std::index_sequence_for<A...>());
        else std::memcpy(sizes, all, sizeof all);
        return sizeof...(A);
    }
};

struct Entry
{
    Entry(const char* module, const char* name, Thunk thunk) { enter(module, name, thunk); }
};
}
