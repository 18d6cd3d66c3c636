using System;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// A fixed team of threads that share parallel loops. The calling thread is worker 0; the others are the team's own
/// background threads, each on a core of its own (<see cref="CoreBinding"/>), which spin for a moment after each loop
/// and then sleep. The thread pool is not used: after a pause it often runs both halves of a loop one after the other.
/// </summary>
/// <remarks>
/// Items are claimed one by one from a counter, so a slow or absent core costs little. Which worker runs an item never
/// changes what the item computes, hence results are bit-identical for every number of threads.
/// </remarks>
internal sealed unsafe class WorkerTeam : IDisposable
{
    /// <summary>
    /// Set while a loop may be joined; the bits below count the helpers inside, the bits above number the loops.
    /// </summary>
    private const long Open = 1L << 31;
    private const long Helpers = Open - 1;

    [ThreadStatic]
    private static WorkerTeam? t_inside;

    private readonly Thread[] _threads;
    private readonly Doorbell[] _doorbells;
    private readonly Doorbell _finished = new();
    private readonly WorkerScratch[] _scratch;
    private readonly Lock _oneLoopAtATime = new();
    private readonly int _spins;
    private readonly CoreBinding? _binding;
    private Counters _counters;
    private delegate*<WorkerTeam, void*, int, void> _loop;
    private void* _work;
    private int _items;
    private Exception? _failure;
    private volatile bool _stopping;

    /// <summary>Starts the threads.</summary>
    /// <param name="threads">Workers including the caller, at least 1.</param>
    public WorkerTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        _spins = threads <= Environment.ProcessorCount ? 10_000 : 50;
        _binding = CoreBinding.Claim(threads - 1);
        _scratch = new WorkerScratch[threads];
        _doorbells = new Doorbell[threads];
        _threads = new Thread[threads - 1];
        for (int worker = 0; worker < threads; worker++)
        {
            _scratch[worker] = new WorkerScratch();
            _doorbells[worker] = new Doorbell();
        }

        for (int worker = 1; worker < threads; worker++)
        {
            int mine = worker;
            Thread thread = new(() => Serve(mine)) { IsBackground = true, Name = $"ControlNet worker {worker}" };
            _threads[worker - 1] = thread;
            thread.Start();
        }
    }

    /// <summary>Number of workers, the calling thread included.</summary>
    public int Threads { get; }

    /// <summary>Memory only <paramref name="worker"/> may use, and only until its item ends.</summary>
    public float* Scratch(int worker, long floats) => _scratch[worker].Floats(floats);

    /// <summary>
    /// Runs <paramref name="work"/> for the items 0 to <paramref name="items"/> - 1 and returns when all are done.
    /// Callers on several threads take turns.
    /// </summary>
    /// <exception cref="InvalidOperationException">Called from inside one of this team's own items.</exception>
    /// <remarks>The first exception of an item stops the claiming of further items and is rethrown here.</remarks>
    public void For<TWork>(int items, ref TWork work)
        where TWork : struct, IParallelWork
    {
        if (ReferenceEquals(t_inside, this))
        {
            throw new InvalidOperationException(
                "WorkerTeam: an item of a parallel loop started another loop on its own team");
        }

        if (items <= 0)
        {
            return;
        }

        lock (_oneLoopAtATime)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);

            // A local never moves and this frame outlives the loop, so workers may hold its address.
            TWork shared = work;
            _work = Unsafe.AsPointer(ref shared);
            _items = items;
            _loop = &ClaimItems<TWork>;
            _counters.NextItem = 0;
            bool alone = Threads == 1 || items == 1;
            if (!alone)
            {
                _binding?.StepAside();
                Publish(Open, Math.Min(Threads, items));
            }

            ClaimItems<TWork>(this, _work, 0);
            if (!alone)
            {
                CloseLoop();
            }

            work = shared;
            Exception? failure = _failure;
            _failure = null;
            if (failure is not null)
            {
                ExceptionDispatchInfo.Throw(failure);
            }
        }
    }

    /// <summary>Ends and joins the threads and frees the scratch memory.</summary>
    public void Dispose()
    {
        lock (_oneLoopAtATime)
        {
            if (_stopping)
            {
                return;
            }

            _stopping = true;
            Publish(0, Threads);
            foreach (Thread thread in _threads)
            {
                thread.Join();
            }

            for (int worker = 0; worker < Threads; worker++)
            {
                _scratch[worker].Dispose();
                _doorbells[worker].Dispose();
            }

            _finished.Dispose();
            _binding?.Dispose();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ClaimItems<TWork>(WorkerTeam team, void* work, int worker)
        where TWork : struct, IParallelWork
    {
        WorkerTeam? outer = t_inside;
        t_inside = team;
        try
        {
            int item;
            while ((item = Interlocked.Increment(ref team._counters.NextItem) - 1) < team._items)
            {
                Unsafe.AsRef<TWork>(work).Run(item, worker);
            }
        }
#pragma warning disable CA1031 // Whatever an item throws belongs to the caller of For, not to this thread.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref team._failure, e, null);
            Volatile.Write(ref team._counters.NextItem, team._items);
        }
        finally
        {
            t_inside = outer;
        }
    }

    /// <summary>
    /// Numbers what the fields describe as the next loop and wakes the sleepers among the first workers.
    /// </summary>
    private void Publish(long flags, int workers)
    {
        long number = (Volatile.Read(ref _counters.Loop) >> 32) + 1;
        Volatile.Write(ref _counters.Loop, (number << 32) | flags);
        Interlocked.MemoryBarrier();
        for (int worker = 1; worker < workers; worker++)
        {
            _doorbells[worker].Ring();
        }
    }

    /// <summary>
    /// No helper may join any more; waits for those inside. A helper that woke too late is not waited for.
    /// </summary>
    private void CloseLoop()
    {
        Interlocked.And(ref _counters.Loop, ~Open);
        int spins = 0;
        while ((Volatile.Read(ref _counters.Loop) & Helpers) != 0)
        {
            if (++spins < _spins)
            {
                Thread.SpinWait(1);
            }
            else
            {
                _finished.Announce();
                if ((Volatile.Read(ref _counters.Loop) & Helpers) != 0)
                {
                    _finished.Sleep();
                }
                else
                {
                    _finished.Withdraw();
                }
            }
        }
    }

    private void Serve(int worker)
    {
        long seen = 0;
        _binding?.BindThisThread(worker - 1);

        // Asked again after every loop: a worker that comes too late for one may see the number of the end in its
        // place, and no other number follows that.
        while (!_stopping)
        {
            AwaitLoopAfter(seen, worker);
            long loop = Volatile.Read(ref _counters.Loop);
            seen = loop >> 32;
            while ((loop & Open) != 0)
            {
                long joined = Interlocked.CompareExchange(ref _counters.Loop, loop + 1, loop);
                if (joined == loop)
                {
                    _loop(this, _work, worker);
                    if ((Interlocked.Decrement(ref _counters.Loop) & Helpers) == 0)
                    {
                        _finished.Ring();
                    }

                    break;
                }

                loop = joined;
                seen = loop >> 32;
            }
        }
    }

    private void AwaitLoopAfter(long seen, int worker)
    {
        int spins = 0;
        while (Volatile.Read(ref _counters.Loop) >> 32 == seen)
        {
            if (++spins < _spins)
            {
                Thread.SpinWait(1);
                continue;
            }

            Doorbell doorbell = _doorbells[worker];
            doorbell.Announce();
            if (Volatile.Read(ref _counters.Loop) >> 32 == seen)
            {
                doorbell.Sleep();
            }
            else
            {
                doorbell.Withdraw();
            }

            spins = 0;
        }
    }

    /// <summary>What all workers write, each on a cache line of its own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 320)]
    private struct Counters
    {
        [FieldOffset(128)]
        public long Loop;

        [FieldOffset(256)]
        public int NextItem;
    }
}
