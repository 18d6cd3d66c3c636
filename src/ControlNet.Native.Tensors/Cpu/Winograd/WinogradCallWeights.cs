using System;
using System.Runtime.CompilerServices;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>
/// Transforms weights for one call, from panels <c>[9][In][32]</c> of any type. As a loop it makes all of them, one
/// item for each panel and block of channels.
/// </summary>
internal unsafe struct WinogradCallWeights<TAlgorithm, TLanes, TVector> : IParallelWork
    where TAlgorithm : struct, IWinograd
    where TLanes : struct, ILaneArithmetic<TVector>
    where TVector : unmanaged
{
    /// <summary>Elements of 16-bit weights that exist widened at a time.</summary>
    public const int WidenedFloats = Taps * WidenedDepth * Width;

    private const int Width = GemmKernel.PanelColumns;
    private const int Taps = 9;
    private const int StageFloats = 36 * 16;

    /// <summary>
    /// Channels of 16-bit weights widened at a time, so that they are still in the first-level cache.
    /// </summary>
    private const int WidenedDepth = 8;

    public WinogradProblem Problem;
    public WorkerTeam Team;

    /// <summary>Receives what <see cref="WinogradProblem.TransformedAt"/> finds.</summary>
    public float* Target;

    public readonly void Run(int item, int worker)
    {
        (int panel, int block) = Math.DivRem(item, Problem.DepthBlocks);
        float* stage = Team.Scratch(worker, StageFloats + WidenedFloats);
        Transform(
            Problem, panel, block, Target + Problem.TransformedAt(panel, block), Problem.WeightStepOf(block), stage,
            stage + StageFloats);
    }

    /// <summary>Makes <c>[Points][depth][32]</c> of a panel and a block of channels.</summary>
    /// <param name="problem">The convolution, its weight not target.</param>
    /// <param name="panel">The panel of 32 output channels.</param>
    /// <param name="block">The block of input channels.</param>
    /// <param name="target">Where the first point goes.</param>
    /// <param name="step">From one point to the next, in floats.</param>
    /// <param name="stage">Room for 16 lanes of each point.</param>
    /// <param name="widened">Room for <see cref="WidenedFloats"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transform(
        in WinogradProblem problem, int panel, int block, float* target, long step, float* stage, float* widened)
    {
        int depth = problem.DepthOf(block);
        long tapStep = (long)problem.Dims.In * Width;
        long element = ((long)panel * Taps * tapStep) + ((long)block * problem.BlockDepth * Width);
        if (problem.WeightType == DType.F32)
        {
            TAlgorithm.Weight<TLanes, TVector>(
                (float*)problem.Weights + element, tapStep, (long)depth * Width, target, step, stage);
            return;
        }

        int bytes = problem.WeightType.ElementBytes();
        for (int k = 0; k < depth; k += WidenedDepth)
        {
            long count = (long)Math.Min(WidenedDepth, depth - k) * Width, at = (long)k * Width;
            for (int tap = 0; tap < Taps; tap++)
            {
                HalfLanes.Widen(
                    problem.WeightType, (byte*)problem.Weights + ((element + (tap * tapStep) + at) * bytes),
                    widened + (tap * count), count);
            }

            TAlgorithm.Weight<TLanes, TVector>(widened, count, count, target + at, step, stage);
        }
    }
}
