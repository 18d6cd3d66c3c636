using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Pipeline;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.WeightTests;

/// <summary>Checkpoints of 8-bit floats. That every bit pattern widens right, the golden data says.</summary>
public sealed class Float8Tests : IDisposable
{
    private const string UnetWeights = "unet/diffusion_pytorch_model.safetensors";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("F8_E4M3")]
    [InlineData("F8_E5M2")]
    public void A_model_loads_and_draws_what_its_values_in_F16_draw(string type)
    {
        _folder.CopyGolden("models/sd1-tiny");
        string model = Path.Combine(_folder.Root, "models", "sd1-tiny"), unet = Path.Combine(model, UnetWeights);
        TensorSet tensors = TensorSet.Read(unet), narrow = [], half = [];
        foreach (string name in tensors.Keys)
        {
            byte[] octets = [.. tensors.Floats(name).Select(value => Octet(type, value))];
            byte[] wide = new byte[2 * octets.Length];
            float[] values = new float[octets.Length];
            ElementConversion.Widen(type, octets, values);
            HalfConversion.NarrowToHalf(values, wide);
            narrow.Add(name, (type, tensors[name].Shape, octets));
            half.Add(name, ("F16", tensors[name].Shape, wide));
        }

        half.Write(unet);
        using Device device = Devices.Cpu(2);
        GeneratedImage expected = Generate(device, model);
        narrow.Write(unet);
        TinyPipeline.AssertSame(expected, Generate(device, model));

        // The type is kept unless another is asked for, which loses nothing.
        string kept = _folder.Path("kept"), widened = _folder.Path("widened");
        CheckpointConverter.Convert(model, kept);
        TensorSet.AssertSame(narrow, TensorSet.Read(Path.Combine(kept, UnetWeights)));
        CheckpointConverter.Convert(model, widened, new ConvertOptions { Type = DType.F16 });
        TensorSet.AssertSame(half, TensorSet.Read(Path.Combine(widened, UnetWeights)));
    }

    [Fact]
    public void Scales_beside_the_weights_are_refused()
    {
        TensorSet tensors = TensorSet.Read(Repository.Golden("models", "single-file", "sd1-tiny.f16.safetensors"));
        tensors.Add("model.diffusion_model.out.2.scale_weight", ("F32", [1], [0, 0, 128, 63]));
        string path = _folder.Path("scaled.safetensors");
        tensors.Write(path);
        Assert.Matches(
            Wildcard.Pattern("*: this is a checkpoint of 8-bit floats with scales beside them; *"),
            Assert.Throws<CheckpointException>(() => Checkpoint.Open(path)).Message);
    }

    [Fact]
    public void Lengths_that_do_not_fit()
    {
        Assert.Equal(
            "the 8-bit elements widen to 2 elements, got room for 3",
            Assert.Throws<ArgumentException>(() => Float8Conversion.WidenE4M3([1, 2], new float[3])).Message);
        Assert.Equal(
            "the 8-bit elements widen to 4 bytes, got room for 3",
            Assert.Throws<ArgumentException>(() => Float8Conversion.E5M2ToHalf([1, 2], new byte[3])).Message);
    }

    private static GeneratedImage Generate(Device device, string path)
    {
        using StableDiffusion model = StableDiffusion.Load(path, device);
        return model.Generate(TinyPipeline.Request);
    }

    /// <summary>A pattern close to a value.</summary>
    private static byte Octet(string type, float value) => type == "F8_E5M2"
        ? (byte)(BitConverter.HalfToUInt16Bits((Half)value) >> 8)
        : (byte)(((BitConverter.HalfToUInt16Bits((Half)(value / 256)) >> 7) & 0x7F) | (value < 0 ? 0x80 : 0));
}
