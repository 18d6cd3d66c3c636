using BenchmarkDotNet.Running;

// dotnet run -c Release --project bench/ControlNet.Native.Bench -- --filter '*GroupNorm*'
BenchmarkSwitcher.FromAssembly(typeof(ControlNet.Native.Bench.StreamBench).Assembly).Run(args);
