using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using ControlNet.Native;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;

namespace ControlNet.Verification.Checks;

/// <summary>What golden pipelines say of pictures, masks and the order in which noise is drawn.</summary>
internal static class PipelineImages
{
    /// <summary>Adds picture, mask and strength where the file has them.</summary>
    public static ImageRequest AddTo(ImageRequest request, GoldenTensors golden, int member) =>
        !golden.Has("in.image") ? request : request with
        {
            InitialImage = Picture(golden["in.image"], member),
            Mask = golden.Has("in.mask") ? Picture(golden["in.mask"], member) : null,
            Strength = golden.Params.GetProperty("strength").GetDouble(),
        };

    /// <summary>The recorded noise in the order of the draws, less what is handed over as initial latents.</summary>
    public static INoiseSource? Noise(GoldenTensors golden)
    {
        if (!golden.Params.TryGetProperty("noise_order", out JsonElement order))
        {
            return null;
        }

        List<float> draws = [];
        int steps = 0;
        foreach (string name in order.EnumerateArray().Select(e => e.GetString()!))
        {
            if (name == "step")
            {
                GoldenTensor all = golden["noise.step"];
                int each = all.Floats().Length / all.Shape[0];
                draws.AddRange(all.Floats().AsSpan(steps++ * each, each));
            }
            else if (!golden.Has("in.latents"))
            {
                draws.AddRange(golden[$"noise.{name}"].Floats());
            }
        }

        return draws.Count == 0 ? null : new Replay([.. draws]);
    }

    /// <summary>A U8 picture <c>[N, 3 or 1, H, W]</c> of one member; a batch of one is everybody's.</summary>
    public static RgbImage Picture(GoldenTensor tensor, int member)
    {
        byte[] planes = tensor.Octets();
        (int channels, int height, int width) = (tensor.Shape[1], tensor.Shape[2], tensor.Shape[3]);
        int pixels = width * height, first = (tensor.Shape[0] == 1 ? 0 : member) * channels * pixels;
        byte[] rgb = new byte[3 * pixels];
        for (int i = 0; i < rgb.Length; i++)
        {
            rgb[i] = planes[first + (i % 3 % channels * pixels) + (i / 3)];
        }

        return new RgbImage(width, height, rgb);
    }

    /// <summary>Gives out recorded noise, one draw after the other.</summary>
    private sealed class Replay(float[] noise) : INoiseSource
    {
        private int _at;

        public void FillNormal(Span<float> destination)
        {
            noise.AsSpan(_at, destination.Length).CopyTo(destination);
            _at += destination.Length;
        }
    }
}
