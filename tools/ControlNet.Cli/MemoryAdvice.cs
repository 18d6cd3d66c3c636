using System;
using System.Globalization;
using System.Linq;
using ControlNet.Native;
using ControlNet.Native.Tensors;

namespace ControlNet.Cli;

/// <summary>Keeps a generation within a budget of memory, or says what would fit into it.</summary>
internal static class MemoryAdvice
{
    private const int SmallestSide = 64;

    /// <summary>Eighths of the size asked for that are tried, largest first.</summary>
    private static readonly int[] s_eighths = [7, 6, 5, 4, 3, 2, 1];

    /// <summary>The fastest way to keep the weights that fits; nothing is loaded for it.</summary>
    /// <param name="job">The work.</param>
    /// <param name="device">Where it will be done.</param>
    /// <param name="options">How to load otherwise.</param>
    /// <param name="budgetBytes">Bytes the device may hold at once.</param>
    /// <exception cref="MemoryBudgetException">
    /// None fits; the message names the bytes it needs, and the largest size of the same shape that would fit.
    /// </exception>
    public static MemoryPlan Choose(GenerateJob job, Device device, LoadOptions options, long budgetBytes)
    {
        try
        {
            return MemoryPlan.Choose(device, options, budgetBytes, job.Rehearse);
        }
        catch (MemoryBudgetException e)
        {
            throw new MemoryBudgetException($"{e.Message}; {SizeThatFits(job, device, options, budgetBytes)}", e);
        }
    }

    private static string SizeThatFits(GenerateJob job, Device device, LoadOptions options, long budgetBytes)
    {
        MemoryPlan smallest = MemoryPlan.Ways(device, options, job.Rehearse).MinBy(way => way.PeakBytes)!;
        (int width, int height) = FirstSize(job, device, smallest.Options);
        foreach (int eighths in s_eighths)
        {
            int narrow = Share(width, eighths), low = Share(height, eighths);
            if (Math.Min(narrow, low) < Math.Min(SmallestSide, Math.Min(width, height)))
            {
                break;
            }

            GenerateJob smaller = job with
            {
                Request = job.Request with { Width = narrow, Height = low, InitialLatents = null },
            };
            if (MemoryPlan.Ways(device, smallest.Options, smaller.Rehearse).First().PeakBytes <= budgetBytes)
            {
                return string.Create(
                    CultureInfo.InvariantCulture, $"--width {narrow} --height {low} would fit with {Kept(smallest)}");
            }
        }

        return "no smaller size of that shape would fit";
    }

    private static (int Width, int Height) FirstSize(GenerateJob job, Device device, LoadOptions options)
    {
        using Device planner = device.ForPlanning();
        return job.FirstSize(planner, options);
    }

    private static int Share(int pixels, int eighths) =>
        Math.Max(1, pixels * eighths / 8 / LatentsFile.PixelsPerLatent) * LatentsFile.PixelsPerLatent;

    /// <summary>The way without its size, which is that of another image.</summary>
    private static string Kept(MemoryPlan way)
    {
        string text = way.ToString();
        return text[(text.IndexOf(':', StringComparison.Ordinal) + 2)..];
    }
}
