using System;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Unet;

/// <summary>
/// How a network learns the noise level: a sinusoid of the timestep, then two linear layers. Source: Ho et al., 2020,
/// arXiv:2006.11239, section 3.3 and the position code of arXiv:1706.03762, section 3.5.
/// </summary>
public sealed class TimeEmbedding : Module
{
    private readonly Linear _linear1, _linear2;
    private readonly Device _device;
    private readonly UnetConfig _config;
    private readonly string _sinusoidPath;

    /// <summary>Takes <c>time_embedding.linear_1</c> and <c>linear_2</c>.</summary>
    /// <param name="weights">The whole checkpoint of the network.</param>
    /// <param name="config">The network.</param>
    internal TimeEmbedding(WeightMap weights, UnetConfig config)
        : base(weights.In("time_embedding"))
    {
        _config = config;
        _device = weights.Device;
        _sinusoidPath = weights.In("time_proj").Path;
        WeightMap own = weights.In("time_embedding");
        int width = config.TimeEmbedDim;
        _linear1 = Own(new Linear(own.In("linear_1"), config.BlockOutChannels[0], width, result: DType.F32));
        _linear2 = Own(new Linear(own.In("linear_2"), width, width, alsoOutputOf: Path, result: DType.F32));
    }

    /// <summary>The sinusoid, computed on the host in double precision: timesteps may be fractional.</summary>
    /// <param name="timesteps">One row is made for each; 0 to 999 in Stable Diffusion.</param>
    /// <param name="width">Values of a row; where it is odd the last one is 0.</param>
    /// <param name="flipSinToCos">Whether the cosines come first, as in Stable Diffusion.</param>
    /// <param name="freqShift">
    /// Frequency i is <c>maxPeriod ^ (-i / (width / 2 - freqShift))</c>; 0 in Stable Diffusion, 1 in the first DDPM
    /// code.
    /// </param>
    /// <param name="maxPeriod">Ratio of the highest to the lowest frequency.</param>
    /// <returns>Rows one after the other, <c>[timesteps, width]</c>.</returns>
    public static float[] Sinusoid(
        ReadOnlySpan<float> timesteps, int width, bool flipSinToCos = true, double freqShift = 0,
        double maxPeriod = 10000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 2);
        int half = width / 2;
        float[] rows = new float[checked(timesteps.Length * width)];
        for (int i = 0; i < half; i++)
        {
            double frequency = Math.Exp(-Math.Log(maxPeriod) * i / (half - freqShift));
            (int sine, int cosine) = flipSinToCos ? (half + i, i) : (i, half + i);
            for (int row = 0; row < timesteps.Length; row++)
            {
                double angle = timesteps[row] * frequency;
                rows[(row * width) + sine] = (float)Math.Sin(angle);
                rows[(row * width) + cosine] = (float)Math.Cos(angle);
            }
        }

        return rows;
    }

    /// <param name="timesteps">S numbers.</param>
    /// <returns>
    /// F32 <c>[S, TimeEmbedDim]</c>, SiLU already applied: every residual block begins with that SiLU, so it is taken
    /// once.
    /// </returns>
    internal Tensor Forward(ReadOnlySpan<float> timesteps)
    {
        using TensorScope scope = TensorScope.Enter();
        int width = _config.BlockOutChannels[0];
        float[] rows = Sinusoid(timesteps, width, _config.FlipSinToCos, _config.FreqShift);
        Tensor sinusoid = Tensor.From(_device, new Shape(timesteps.Length, width), rows);
        ModuleTrace.Report(_sinusoidPath, sinusoid);
        Tensor hidden = _linear1.Forward(sinusoid, Activation.Silu);
        return scope.Keep(_linear2.Forward(hidden, Activation.Silu));
    }
}
