using System.CommandLine;
using ControlNet.Native.Tensors;

namespace ControlNet.Cli;

/// <summary>The options <c>--device</c> and <c>--threads</c>, shared by every command that computes.</summary>
internal sealed class DeviceOptions
{
    private const int MaximalThreads = 1024;

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

    /// <summary>Opens the device asked for. It belongs to the caller.</summary>
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

        return Devices.Open(name, threads);
    }
}
