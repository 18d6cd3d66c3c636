using System;
using System.CommandLine;
using ControlNet.Native.Tensors;

namespace ControlNet.Cli;

/// <summary>The options <c>--device</c> and <c>--threads</c>, shared by every command that computes.</summary>
internal sealed class DeviceOptions
{
    private const int MaximalThreads = 1024;

    /// <summary>The variable that switches the self-test off by the word <c>none</c>.</summary>
    private const string SelfTestVariable = "CONTROLNET_SELF_TEST";

    /// <summary>The variable that ignores what was tuned by the word <c>none</c>.</summary>
    private const string TuningVariable = "CONTROLNET_TUNING";

    private readonly Option<string> _device = new("--device")
    {
        Description = "Where to compute: a name that 'controlnet devices' lists, or 'auto' for the best.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "cpu",
    };

    private readonly Option<int> _threads = new("--threads")
    {
        Description = "Threads of the CPU device; 0 means one for each processor.",
        HelpName = "COUNT",
        DefaultValueFactory = _ => 0,
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_device);
        command.Options.Add(_threads);
    }

    /// <summary>
    /// Opens the device asked for. It belongs to the caller. A GPU that this user has not used with this driver is
    /// tested first, and one that computes wrong is warned of each time.
    /// </summary>
    /// <exception cref="UsageException">A thread count out of range.</exception>
    /// <exception cref="EngineException">No such device, or one that does not open.</exception>
    public Device Open(ParseResult arguments)
    {
        string name = arguments.GetValue(_device)!;
        int threads = arguments.GetValue(_threads);
        if (threads is < 0 or > MaximalThreads)
        {
            throw new UsageException($"--threads must be 0 to {MaximalThreads}, got {threads}");
        }

        Device device = Devices.Open(name, threads);
        if (Environment.GetEnvironmentVariable(SelfTestVariable) != "none" &&
            Devices.SelfTest(device, progress: new FirstUse(device.Name)).Warning is { } warning)
        {
            Console.Error.WriteLine($"warning: {ErrorReport.OneLine(warning)}");
        }

        if (Environment.GetEnvironmentVariable(TuningVariable) != "none" && Devices.CanTune(device) &&
            Devices.FindTuning(device) is null)
        {
            Console.Error.WriteLine(
                $"{device.Name} is not tuned: 'controlnet devices --tune' finds in a minute what it is fastest with");
        }

        return device;
    }

    /// <summary>Says once that a device is tested, for its driver may build kernels for a minute.</summary>
    private sealed class FirstUse(string device) : IProgress<SelfTestProgress>
    {
        public void Report(SelfTestProgress value)
        {
            if (value.Completed == 0)
            {
                Console.Error.WriteLine(
                    $"{device} is new with this driver: its kernels are built and tested, which may take a minute");
            }
        }
    }
}
