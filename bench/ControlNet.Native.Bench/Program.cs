using BenchmarkDotNet.Running;
using ControlNet.Native.Bench;

// dotnet run -c Release --project bench/ControlNet.Native.Bench -- --filter '*GroupNorm*'
// dotnet run -c Release --project bench/ControlNet.Native.Bench -- step MODEL.safetensors
// dotnet run -c Release --project bench/ControlNet.Native.Bench -- memory 'group norm'
if (args is ["step", .. string[] rest] && rest.Length > 0)
{
    return StepTiming.Run(rest);
}

if (args is ["memory", .. string[] rows])
{
    return MemoryTiming.Run(rows);
}

BenchmarkSwitcher.FromAssembly(typeof(StreamBench).Assembly).Run(args);
return 0;
