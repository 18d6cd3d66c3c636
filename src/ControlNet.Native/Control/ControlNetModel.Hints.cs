using System.Collections.Generic;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Control;

/// <content>What it knows of its hints and residuals.</content>
public sealed partial class ControlNetModel
{
    private readonly KeptHints _keptHints = new();

    /// <summary>Residuals it makes, that of the middle included: 13 in Stable Diffusion.</summary>
    public int ResidualCount => _outputs.Count + 1;

    /// <summary>
    /// Bytes of the device that encoded hints of the last request occupy, beside
    /// <see cref="Nn.Module.ParameterBytes"/>. They are kept so that the next request with the same
    /// <see cref="ControlHint"/> instances need not encode them again.
    /// </summary>
    public long KeptHintBytes => _keptHints.Bytes;

    /// <summary>Frees encoded hints that were kept, after what the device is at work on.</summary>
    public void ForgetHints()
    {
        using DeviceReservation turn = Device.Reserve();
        _keptHints.Dispose();
    }

    /// <summary>Encoded hints of the last request; null while the weights are trained and make each one old.</summary>
    internal KeptHints? KeptHints => Weights.Use == WeightUse.Trained ? null : _keptHints;

    /// <summary>Height and width of each residual, the middle last, before any pooling.</summary>
    /// <param name="rows">Height of the latents.</param>
    /// <param name="columns">Width of the latents.</param>
    internal IReadOnlyList<(int Rows, int Columns)> ResidualSizes(int rows, int columns)
    {
        UnetConfig encoder = Config.Encoder;
        List<(int Rows, int Columns)> sizes = [(rows, columns)];
        for (int level = 0; level < encoder.Levels; level++)
        {
            for (int layer = 0; layer < encoder.LayersPerBlock[level]; layer++)
            {
                sizes.Add((rows, columns));
            }

            if (level + 1 < encoder.Levels)
            {
                // A convolution 3 x 3 of stride 2 over edges padded by 1.
                (rows, columns) = ((rows + 1) / 2, (columns + 1) / 2);
                sizes.Add((rows, columns));
            }
        }

        sizes.Add((rows, columns));
        return sizes;
    }

    private protected override void Release() => _keptHints.Dispose();

    private protected override void Adjusted() => _keptHints.Dispose();
}
