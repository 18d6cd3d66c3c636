using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Native.Tensors.Cpu;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Backends;

/// <summary>The team's own threads are bound to cores; nothing else of the process ever is.</summary>
/// <remarks>
/// Alone, for the threads are those of the process: another test's team, of more threads than cores, is not bound.
/// </remarks>
[Collection(Alone)]
public sealed class CoreBindingTests(ITestOutputHelper output)
{
    public const string Alone = "core binding";

    [Fact]
    public async Task Only_the_workers_are_bound()
    {
        if (!OperatingSystem.IsLinux())
        {
            output.WriteLine("not run: threads are bound on Linux only");
            return;
        }

        string before = AllowedOf("/proc/thread-self/status");
        int cores = Environment.ProcessorCount;
        HashSet<string> others = [.. Workers()];
        using WorkerTeam team = new(cores);
        for (int round = 0; round < 200; round++)
        {
            Spin work = default;
            team.For(2 * cores, ref work);
        }

        // Threads of this team are those that were not there before; those of earlier tests may end meanwhile.
        string[] bound = [.. Workers().Except(others).Select(AllowedIfAlive).OfType<string>()];
        Assert.All(bound, allowed => Assert.DoesNotContain(allowed, c => c is ',' or '-'));
        Assert.True(cores == 1 || bound.Length > 0, "no worker was found");

        Assert.Equal(before, AllowedOf("/proc/thread-self/status"));
        string ofNewThread = string.Empty;
        Thread thread = new(() => ofNewThread = AllowedOf("/proc/thread-self/status"));
        thread.Start();
        thread.Join();
        Assert.Equal(before, ofNewThread);
        Assert.Equal(before, await Task.Run(() => AllowedOf("/proc/thread-self/status")));
        using Process child = Process.Start(
            new ProcessStartInfo("cat", "/proc/self/status") { RedirectStandardOutput = true })!;
        Assert.Equal(before, Allowed((await child.StandardOutput.ReadToEndAsync()).Split('\n')));
    }

    [Fact]
    public void Without_a_core_for_the_caller_nothing_is_bound()
    {
        if (Environment.ProcessorCount < 2 || !OperatingSystem.IsLinux())
        {
            output.WriteLine("not run: needs Linux and two cores");
            return;
        }

        using CoreBinding? all = CoreBinding.Claim(Environment.ProcessorCount);
        Assert.Null(all);
        using CoreBinding? some = CoreBinding.Claim(Environment.ProcessorCount - 1);
        Assert.NotNull(some);
    }

    private static IEnumerable<string> Workers() =>
        Directory.EnumerateDirectories("/proc/self/task").Where(static task =>
        {
            try
            {
                string name = File.ReadAllText(Path.Combine(task, "comm"));
                return name.StartsWith("ControlNet work", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                return false;
            }
        });

    private static string? AllowedIfAlive(string task)
    {
        try
        {
            return AllowedOf(Path.Combine(task, "status"));
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static string AllowedOf(string status) => Allowed(File.ReadAllLines(status));

    private static string Allowed(string[] status) =>
        status.Single(line => line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)).Split(':')[1].Trim();

    private struct Spin : IParallelWork
    {
        public readonly void Run(int item, int worker) => Thread.SpinWait(20);
    }
}

/// <summary>See <see cref="CoreBindingTests"/>.</summary>
[CollectionDefinition(CoreBindingTests.Alone, DisableParallelization = true)]
public sealed class CoreBindingAlone;
