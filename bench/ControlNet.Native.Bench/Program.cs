using BenchmarkDotNet.Running;
using ControlNet.Native.Bench;
using ControlNet.Native.Bench.Table;

// dotnet run -c Release --project bench/ControlNet.Native.Bench -- --filter '*GroupNorm*'
// dotnet run -c Release --project bench/ControlNet.Native.Bench -- table --only gemm,conv
// dotnet run -c Release --project bench/ControlNet.Native.Bench -- train --model MODEL --control FILE
// dotnet run -c Release --project bench/ControlNet.Native.Bench -- peaks gemm conv
// dotnet run -c Release --project bench/ControlNet.Native.Bench -- memory 'group norm'
// dotnet run -c Release --project bench/ControlNet.Native.Bench -- backward attention
// dotnet run -c Release --project bench/ControlNet.Native.Bench -- gradients --only 'conv 320@64'
// dotnet run -c Release --project bench/ControlNet.Native.Bench -- step MODEL.safetensors
switch (args)
{
    case ["table", .. string[] rest]:
        return TableCommand.Run(rest);
    case ["serve", .. string[] rest]:
        return ServeCommand.Run(rest);
    case ["train", .. string[] rest]:
        return TrainCommand.Run(rest);
    case ["random-checkpoint", string folder]:
        return RandomCheckpoint.Write(folder);
    case ["memory", .. string[] rest]:
        return MemoryTiming.Run(rest);
    case ["peaks", .. string[] rest]:
        return PeakTiming.Run(rest);
    case ["backward", .. string[] rest]:
        return BackwardTiming.Run(rest);
    case ["gradients", .. string[] rest]:
        return GradientTiming.Run(rest);
    case ["step", .. string[] rest] when rest.Length > 0:
        return StepTiming.Run(rest);
    default:
        BenchmarkSwitcher.FromAssembly(typeof(StreamBench).Assembly).Run(args);
        return 0;
}
