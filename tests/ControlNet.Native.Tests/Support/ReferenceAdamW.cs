using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.Support;

/// <summary>Algorithm 2 of arXiv:1711.05101 in double, with the order of operations of PyTorch.</summary>
internal sealed class ReferenceAdamW(float[] parameter, AdamWSettings settings)
{
    private long _step;

    public double[] Parameter { get; } = Array.ConvertAll(parameter, v => (double)v);

    public double[] Mean { get; } = new double[parameter.Length];

    public double[] Square { get; } = new double[parameter.Length];

    public void Step(float[] gradient)
    {
        _step++;
        for (int i = 0; i < gradient.Length; i++)
        {
            double g = settings.GradientScale * gradient[i];
            Mean[i] = (settings.Beta1 * Mean[i]) + ((1 - settings.Beta1) * g);
            Square[i] = (settings.Beta2 * Square[i]) + ((1 - settings.Beta2) * g * g);
            double mean = Mean[i] / (1 - Math.Pow(settings.Beta1, _step));
            double square = Square[i] / (1 - Math.Pow(settings.Beta2, _step));
            Parameter[i] -= settings.LearningRate * settings.WeightDecay * Parameter[i];
            Parameter[i] -= settings.LearningRate * mean / (Math.Sqrt(square) + settings.Eps);
        }
    }
}
