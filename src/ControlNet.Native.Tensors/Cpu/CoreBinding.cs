using System;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Threading;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Keeps the workers of a team on cores of their own, on Linux. Left alone, a worker that wakes may land on the core of
/// the caller, and both then run at half speed until the system notices, 10 ms and more.
/// </summary>
/// <remarks>
/// Only the team's own threads stay bound. Affinity is inherited, so a bound caller would take the host's thread pool
/// and child processes with it: a caller that runs on the core of a worker is moved off and set free again at once,
/// before anything else runs on its thread.
/// </remarks>
internal sealed unsafe class CoreBinding : IDisposable
{
    /// <summary>Bits of a mask of cores, as many as glibc's own.</summary>
    private const int MaxCores = 1024;
    private const int MaskWords = MaxCores / 64;

    private static readonly delegate* unmanaged<int, nuint, ulong*, int> s_getAffinity =
        (delegate* unmanaged<int, nuint, ulong*, int>)Find("sched_getaffinity");

    private static readonly delegate* unmanaged<int, nuint, ulong*, int> s_setAffinity =
        (delegate* unmanaged<int, nuint, ulong*, int>)Find("sched_setaffinity");

    private static readonly delegate* unmanaged[SuppressGCTransition]<int> s_getCore =
        (delegate* unmanaged[SuppressGCTransition]<int>)Find("sched_getcpu");

    private static readonly Lock s_lock = new();

    /// <summary>How many workers of all teams are bound to each core.</summary>
    private static readonly int[] s_claims = new int[MaxCores];

    private readonly int[] _cores;
    private readonly ulong[] _mask = new ulong[MaskWords];

    private CoreBinding(int[] cores)
    {
        _cores = cores;
        foreach (int core in cores)
        {
            _mask[core / 64] |= 1UL << (core % 64);
        }
    }

    /// <summary>
    /// Chooses a core for each of <paramref name="workers"/>, those that the fewest other workers of the process have.
    /// </summary>
    /// <returns>
    /// Null when workers are not to be bound: the system is not Linux, or there is no core left for the caller.
    /// </returns>
    public static CoreBinding? Claim(int workers)
    {
        if (s_getAffinity == null || s_setAffinity == null || s_getCore == null || workers == 0)
        {
            return null;
        }

        ulong* allowed = stackalloc ulong[MaskWords];
        if (s_getAffinity(0, MaskWords * sizeof(ulong), allowed) < 0 || CountOf(allowed) <= workers)
        {
            return null;
        }

        int[] cores = new int[workers];
        lock (s_lock)
        {
            for (int i = 0; i < workers; i++)
            {
                int best = -1;
                for (int core = MaxCores - 1; core >= 0; core--)
                {
                    bool free = (allowed[core / 64] >> (core % 64) & 1) != 0 && Array.IndexOf(cores, core, 0, i) < 0;
                    if (free && (best < 0 || s_claims[core] < s_claims[best]))
                    {
                        best = core;
                    }
                }

                cores[i] = best;
                s_claims[best]++;
            }
        }

        return new CoreBinding(cores);
    }

    /// <summary>Binds the calling thread, a worker's own.</summary>
    public void BindThisThread(int worker)
    {
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        int core = _cores[worker];
        mask[core / 64] = 1UL << (core % 64);

        // A refusal, in a sandbox for example, costs speed only.
        _ = s_setAffinity(0, MaskWords * sizeof(ulong), mask);
    }

    /// <summary>
    /// Moves the calling thread off the cores of the workers, if it is on one, and leaves it as free as it was.
    /// </summary>
    public void StepAside()
    {
        int core = s_getCore();
        if ((uint)core >= MaxCores || (_mask[core / 64] >> (core % 64) & 1) == 0)
        {
            return;
        }

        ulong* own = stackalloc ulong[MaskWords], aside = stackalloc ulong[MaskWords];
        if (s_getAffinity(0, MaskWords * sizeof(ulong), own) < 0)
        {
            return;
        }

        for (int i = 0; i < MaskWords; i++)
        {
            aside[i] = own[i] & ~_mask[i];
        }

        // A caller that its host has bound to the very core of a worker stays there.
        if (CountOf(aside) > 0 && s_setAffinity(0, MaskWords * sizeof(ulong), aside) == 0)
        {
            _ = s_setAffinity(0, MaskWords * sizeof(ulong), own);
        }
    }

    /// <summary>Gives the cores back to other teams.</summary>
    public void Dispose()
    {
        lock (s_lock)
        {
            foreach (int core in _cores)
            {
                s_claims[core]--;
            }
        }
    }

    private static int CountOf(ulong* mask)
    {
        int count = 0;
        for (int i = 0; i < MaskWords; i++)
        {
            count += BitOperations.PopCount(mask[i]);
        }

        return count;
    }

    // Looked up among the symbols of the process, so that no C library needs to be named.
    private static nint Find(string name) =>
        OperatingSystem.IsLinux()
        && NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), name, out nint address)
            ? address
            : 0;
}
