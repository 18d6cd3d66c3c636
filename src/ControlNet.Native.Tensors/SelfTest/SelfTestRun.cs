using System;
using System.Collections.Generic;
using System.Threading;

namespace ControlNet.Native.Tensors;

/// <summary>Runs the operations of the self-test on a device and on the CPU.</summary>
internal static class SelfTestRun
{
    /// <summary>
    /// One result for each case, in their order. What the device refuses is a result; only a cancellation is thrown.
    /// </summary>
    /// <param name="device">What is tested.</param>
    /// <param name="reference">What is right.</param>
    /// <param name="progress">Is told of each operation before it runs.</param>
    /// <param name="cancellation">Ends the test between two operations.</param>
    public static IReadOnlyList<SelfTestResult> Run(
        Device device, Device reference, IProgress<SelfTestProgress>? progress, CancellationToken cancellation)
    {
        using DeviceReservation turn = device.Reserve(cancellation);
        List<SelfTestResult> results = [];
        foreach (SelfTestCase test in SelfTestCase.All)
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(new SelfTestProgress(test.Operation, results.Count, SelfTestCase.All.Length));
            results.Add(Run(test, device, reference));
        }

        return results;
    }

    private static SelfTestResult Run(SelfTestCase test, Device device, Device reference)
    {
        float[] expected = Compute(test, reference);
        try
        {
            return new SelfTestResult(test.Operation, Error(Compute(test, device), expected), test.Limit, null);
        }
        catch (EngineException e)
        {
            return new SelfTestResult(test.Operation, double.PositiveInfinity, test.Limit, e.Message);
        }
    }

    private static float[] Compute(SelfTestCase test, Device device)
    {
        using TensorScope scope = TensorScope.Enter();
        return test.Compute(new SelfTestInputs(device)).ToArray();
    }

    private static double Error(float[] actual, float[] expected)
    {
        double difference = 0, magnitude = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double here = Math.Abs((double)actual[i] - expected[i]);
            difference = double.IsFinite(here) ? Math.Max(difference, here) : double.PositiveInfinity;
            if (double.IsInfinity(difference))
            {
                return difference;
            }

            magnitude = Math.Max(magnitude, Math.Abs(expected[i]));
        }

        return difference / magnitude;
    }
}
