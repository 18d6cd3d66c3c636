using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Models;

/// <summary>
/// The autoencoder in bands of rows is the autoencoder on the whole, but for rounding: no other tone, no seam.
/// </summary>
[Collection(OpenClUnderTest.Collection)]
public sealed class VaeTilingTests(ITestOutputHelper output)
{
    /// <summary>
    /// Largest difference over the largest magnitude: what float32 leaves of another order of the same sums; a 255th of
    /// the range of a picture is four hundred times as much.
    /// </summary>
    private const double Limit = 1e-5;

    private const string Tiny = "tests/Golden/models/sd1-tiny", Bundled = "assets/model";

    [Theory]
    [InlineData(Tiny, 13, 9)] // four bands, the last of one row; odd
    [InlineData(Tiny, 8, 24)]
    [InlineData(Tiny, 4, 8)] // one band: as a whole
    [InlineData(Tiny, 5, 1)]
    [InlineData(Bundled, 16, 16)]
    [InlineData(Bundled, 33, 20)]
    public void Decoding(string model, int rows, int columns)
    {
        using Device device = Devices.Cpu(2);
        using Autoencoder whole = Load(device, model), bands = Load(device, model, inBands: true);
        using TensorScope scope = TensorScope.Enter();
        Tensor latents = TinyModels.Numbers(device, 1, rows, columns, 4);
        float[] expected = whole.Decode(latents).ToArray(), actual = bands.Decode(latents).ToArray();
        AssertClose(expected, actual, 8 * columns * 3);
    }

    [Theory]
    [InlineData(Tiny, 104, 72)]
    [InlineData(Tiny, 41, 27)] // not a multiple of 8: as a whole
    [InlineData(Tiny, 64, 8)]
    [InlineData(Bundled, 128, 128)]
    [InlineData(Bundled, 264, 160)]
    public void Encoding(string model, int height, int width)
    {
        using Device device = Devices.Cpu(2);
        using Autoencoder whole = Load(device, model), bands = Load(device, model, inBands: true);
        using TensorScope scope = TensorScope.Enter();
        Tensor image = TinyModels.Numbers(device, 1, height, width, 3);
        VaePosterior expected = whole.Encode(image), actual = bands.Encode(image);
        AssertClose(expected.Mean.ToArray(), actual.Mean.ToArray(), width / 8 * 4);
        AssertClose(expected.LogVariance.ToArray(), actual.LogVariance.ToArray(), width / 8 * 4);
    }

    [Fact]
    public void A_batch_is_decoded_image_by_image_and_nothing_stays()
    {
        using Device device = Devices.Cpu(2);
        using (Autoencoder bands = Load(device, Tiny, inBands: true))
        {
            long blocks = device.BlocksInUse;
            using (TensorScope.Enter())
            {
                Tensor latents = TinyModels.Numbers(device, 2, 12, 8, 4);
                float[] both = bands.Decode(latents).ToArray();
                Assert.Equal(both[(both.Length / 2)..], bands.Decode(latents.Rows(1, 1)).ToArray());
            }

            Assert.Equal(blocks, device.BlocksInUse);
        }

        Assert.Equal(0, device.BlocksInUse);
    }

    [Fact]
    public void The_bits_do_not_depend_on_threads()
    {
        float[][] images = [.. Enumerable.Range(1, 3).Select(threads =>
        {
            using Device device = Devices.Cpu(threads);
            using Autoencoder bands = Load(device, Tiny, inBands: true);
            using TensorScope scope = TensorScope.Enter();
            return bands.Decode(TinyModels.Numbers(device, 1, 24, 16, 4)).ToArray();
        })];
        Assert.Equal(images[0], images[1]);
        Assert.Equal(images[0], images[2]);
    }

    [Fact]
    public void It_takes_half_the_memory()
    {
        long whole = PeakOf(inBands: false, decode: true), bands = PeakOf(inBands: true, decode: true);
        output.WriteLine($"decoding: {whole} whole, {bands} in bands");
        Assert.True(bands < whole * 0.52, $"decoding: {whole} whole, {bands} in bands");
        (whole, bands) = (PeakOf(inBands: false, decode: false), PeakOf(inBands: true, decode: false));
        output.WriteLine($"encoding: {whole} whole, {bands} in bands");
        Assert.True(bands < whole * 0.8, $"encoding: {whole} whole, {bands} in bands");
    }

    [Theory]
    [InlineData(DType.F32, Limit)]
    [InlineData(DType.F16, 2e-2)]
    public void On_OpenCL(DType activations, double limit)
    {
        if (OpenClUnderTest.Find(output) is not { } gpu)
        {
            return;
        }

        using Device device = Devices.Open(gpu.Name);
        using Autoencoder whole = Load(device, Tiny, activations: activations);
        using Autoencoder bands = Load(device, Tiny, inBands: true, activations);
        using TensorScope scope = TensorScope.Enter();
        Tensor latents = TinyModels.Numbers(device, 1, 13, 9, 4);
        AssertClose(whole.Decode(latents).ToArray(), bands.Decode(latents).ToArray(), 8 * 9 * 3, limit);
        Tensor image = TinyModels.Numbers(device, 1, 72, 40, 3);
        AssertClose(whole.Encode(image).Mean.ToArray(), bands.Encode(image).Mean.ToArray(), 5 * 4, limit);
    }

    /// <summary>Bytes beside the weights, at 512 x 512 pixels, found without computing.</summary>
    private static long PeakOf(bool inBands, bool decode)
    {
        using Device cpu = Devices.Cpu(2), planner = cpu.ForPlanning();
        using Autoencoder vae = Load(planner, Bundled, inBands);
        long before = planner.BytesInUse;
        using TensorScope scope = TensorScope.Enter();
        _ = decode
            ? vae.Decode(Tensor.Zeros(planner, new Shape(1, 64, 64, 4)))
            : vae.Encode(Tensor.Zeros(planner, new Shape(1, 512, 512, 3))).Mean;
        return planner.PeakBytesInUse - before;
    }

    private static Autoencoder Load(
        Device device, string model, bool inBands = false, DType activations = DType.F32)
    {
        using Checkpoint file = Checkpoint.Open(Path.Combine(Repository.Root, model, "vae"));
        return new Autoencoder(file.Vae!.Map(device).WithActivations(activations), file.Vae.Config)
        {
            InBands = inBands,
        };
    }

    /// <summary>Equal but for rounding everywhere, and nowhere more so than in a row where bands meet.</summary>
    private void AssertClose(float[] expected, float[] actual, int rowLength, double limit = Limit)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = expected.Max(Math.Abs);
        double[] rows =
        [
            .. expected.Zip(actual, (e, a) => Math.Abs((double)e - a) / scale).Chunk(rowLength)
                .Select(row => row.Max()),
        ];
        output.WriteLine($"largest {rows.Max():e2}, at row {Array.IndexOf(rows, rows.Max())} of {rows.Length}");
        Assert.True(rows.Max() <= limit, $"{rows.Max():e2} in row {Array.IndexOf(rows, rows.Max())}");
    }
}
