using System;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu;
using ControlNet.Native.Tensors.Cpu.Gemm;
using ControlNet.Native.Tensors.Cpu.Winograd;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

/// <summary>The order of work changes no bit of a convolution by Winograd's algorithms.</summary>
public sealed unsafe class WinogradScheduleTests
{
    [Theory]
    [InlineData(1, 57, 30, 16, 33, false)]
    [InlineData(2, 13, 26, 72, 40, false)]
    [InlineData(2, 13, 26, 72, 40, true)]
    [InlineData(1, 3, 5, 130, 64, true)]
    public void SchedulesGiveTheSameBits(int batch, int height, int width, int inChannels, int outChannels, bool half)
    {
        Conv2dDims d = new(
            batch, height, width, inChannels, outChannels, 3, 1, new Padding(1, 1, 1, 1), Activation.None);
        AssertSame<WinogradF4>(d, half);
        AssertSame<WinogradF2>(d, half);
    }

    private static void AssertSame<TAlgorithm>(in Conv2dDims d, bool half)
        where TAlgorithm : struct, IWinograd
    {
        using CpuMemory memory = new(new NativeHostMemory());
        float[] expected = Convolve<TAlgorithm>(memory, d, half, 2, WinogradSchedule.ByPanel);
        Assert.Contains(expected, static value => value != 0);
        foreach (int threads in (int[])[1, 2, 3])
        {
            float[] actual = Convolve<TAlgorithm>(memory, d, half, threads, WinogradSchedule.ByTile);
            for (int i = 0; i < expected.Length; i++)
            {
                Assert.True(
                    BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]),
                    $"{d}, {threads} threads: element {i} is {actual[i]:R}, by panel {expected[i]:R}");
            }
        }
    }

    private static float[] Convolve<TAlgorithm>(
        CpuMemory memory, in Conv2dDims d, bool half, int threads, WinogradSchedule schedule)
        where TAlgorithm : struct, IWinograd
    {
        const int Slack = 16;
        int panels = (d.Out + GemmKernel.PanelColumns - 1) / GemmKernel.PanelColumns;
        int inputs = (d.Batch * d.Height * d.Width * d.In) + Slack;
        int weights = panels * GemmKernel.PanelColumns * 9 * d.In;
        int outputs = d.Batch * d.OutHeight * d.OutWidth * d.Out;
        using MemoryBlock x = memory.Allocate((long)inputs * sizeof(float));
        using MemoryBlock weight = memory.Allocate((long)weights * sizeof(float));
        using MemoryBlock bias = memory.Allocate((long)panels * GemmKernel.PanelColumns * sizeof(float));
        using MemoryBlock y = memory.Allocate((long)outputs * sizeof(float));
        Random random = new(7);
        Fill(random, x, inputs);
        Fill(random, bias, d.Out);
        if (half)
        {
            Half* target = (Half*)weight.HostAddress;
            for (int i = 0; i < weights; i++)
            {
                target[i] = (Half)(random.NextSingle() - 0.5f);
            }
        }
        else
        {
            Fill(random, weight, weights);
        }

        using WorkerTeam team = new(threads);
        WinogradProblem problem = new()
        {
            Dims = d,
            X = (float*)x.HostAddress,
            Y = (float*)y.HostAddress,
            Weights = (void*)weight.HostAddress,
            WeightType = half ? DType.F16 : DType.F32,
            Epilogue = TileEpilogue.None with { Bias = (float*)bias.HostAddress },
        };
        WinogradDriver.Run<TAlgorithm>(team, memory, problem, schedule);
        return new Span<float>((float*)y.HostAddress, outputs).ToArray();
    }

    private static void Fill(Random random, MemoryBlock block, int count)
    {
        foreach (ref float value in new Span<float>((float*)block.HostAddress, count))
        {
            value = random.NextSingle() - 0.5f;
        }
    }
}
