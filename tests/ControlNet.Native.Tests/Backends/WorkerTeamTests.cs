using System;
using System.Threading;
using ControlNet.Native.Tensors.Cpu;
using Xunit;

namespace ControlNet.Native.Tests.Backends;

public sealed class WorkerTeamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Runs_every_item_exactly_once(int threads)
    {
        using WorkerTeam team = new(threads);
        for (int round = 0; round < 2000; round++)
        {
            int[] runs = new int[round % 41];
            Count work = new() { Runs = runs, Threads = threads };
            team.For(runs.Length, ref work);
            Assert.All(runs, static n => Assert.Equal(1, n));
        }
    }

    /// <summary>
    /// A worker that comes too late for the last loop must still see the end; a team is disposed right behind its loop.
    /// </summary>
    [Theory]
    [InlineData(2)]
    [InlineData(7)]
    public void Ends_right_behind_a_loop(int threads)
    {
        for (int round = 0; round < 1000; round++)
        {
            using WorkerTeam team = new(threads);
            int[] runs = new int[2 + (round % 5)];
            Count work = new() { Runs = runs, Threads = threads };
            team.For(runs.Length, ref work);
            Assert.All(runs, static n => Assert.Equal(1, n));
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(7)]
    public void Wakes_workers_that_sleep(int threads)
    {
        using WorkerTeam team = new(threads);
        for (int round = 0; round < 20; round++)
        {
            int[] runs = new int[64];
            Count work = new() { Runs = runs, Threads = threads, Spins = 200 };
            team.For(runs.Length, ref work);
            Assert.All(runs, static n => Assert.Equal(1, n));
            Thread.Sleep(5);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Rethrows_what_an_item_threw_and_stays_usable(int threads)
    {
        using WorkerTeam team = new(threads);
        for (int round = 0; round < 50; round++)
        {
            Fail failing = new() { At = round };
            InvalidTimeZoneException thrown = Assert.Throws<InvalidTimeZoneException>(() => team.For(100, ref failing));
            Assert.Equal($"item {round}", thrown.Message);

            int[] runs = new int[10];
            Count work = new() { Runs = runs, Threads = threads };
            team.For(runs.Length, ref work);
            Assert.All(runs, static n => Assert.Equal(1, n));
        }
    }

    [Fact]
    public void Refuses_a_loop_inside_its_own_loop()
    {
        using WorkerTeam team = new(2);
        Nest work = new() { Team = team };
        InvalidOperationException thrown = Assert.Throws<InvalidOperationException>(() => team.For(4, ref work));
        Assert.Equal("WorkerTeam: an item of a parallel loop started another loop on its own team", thrown.Message);
    }

    [Fact]
    public void Serves_callers_on_several_threads_in_turn()
    {
        using WorkerTeam team = new(3);
        int wrong = 0;
        Thread[] callers = new Thread[4];
        for (int c = 0; c < callers.Length; c++)
        {
            callers[c] = new Thread(() =>
            {
                for (int round = 0; round < 300; round++)
                {
                    int[] runs = new int[17];
                    Count work = new() { Runs = runs, Threads = 3 };
                    team.For(runs.Length, ref work);
                    if (Array.Exists(runs, static n => n != 1))
                    {
                        Interlocked.Increment(ref wrong);
                    }
                }
            });
            callers[c].Start();
        }

        foreach (Thread caller in callers)
        {
            caller.Join();
        }

        Assert.Equal(0, wrong);
    }

    [Fact]
    public void Refuses_work_after_disposal()
    {
        WorkerTeam team = new(2);
        team.Dispose();
        team.Dispose();
        Count work = new() { Runs = new int[1], Threads = 2 };
        Assert.Throws<ObjectDisposedException>(() => team.For(1, ref work));
    }

    [Fact]
    public unsafe void Gives_each_worker_aligned_memory_of_its_own()
    {
        using WorkerTeam team = new(2);
        float* first = team.Scratch(0, 1000), second = team.Scratch(1, 1000);
        Assert.True(first != second);
        Assert.Equal(0, (nint)first % 64);
        Assert.Equal(0, (nint)second % 64);
        Assert.True(team.Scratch(0, 500) == first);
    }

    private struct Count : IParallelWork
    {
        public int[] Runs;
        public int Threads;
        public int Spins;

        public readonly void Run(int item, int worker)
        {
            Assert.InRange(worker, 0, Threads - 1);
            Thread.SpinWait(Spins);
            Interlocked.Increment(ref Runs[item]);
        }
    }

    private struct Fail : IParallelWork
    {
        public int At;

        public readonly void Run(int item, int worker)
        {
            if (item == At)
            {
                throw new InvalidTimeZoneException($"item {item}");
            }
        }
    }

    private struct Nest : IParallelWork
    {
        public WorkerTeam Team;

        public readonly void Run(int item, int worker)
        {
            Fail inner = new() { At = -1 };
            Team.For(1, ref inner);
        }
    }
}
