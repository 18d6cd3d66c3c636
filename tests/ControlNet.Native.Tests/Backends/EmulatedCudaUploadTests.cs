using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Backends;

/// <summary>
/// Bytes on their way to the emulated CUDA device, which reads pinned memory as late as it may: a buffer that is filled
/// again too early shows.
/// </summary>
[Collection(EmulatedCuda.Alone)]
public sealed class EmulatedCudaUploadTests(ITestOutputHelper output)
{
    private const string Copies = "copies to the device";

    [Fact]
    public void What_was_uploaded_is_what_was_there_at_the_call()
    {
        if (!EmulatedCuda.IsThere(output))
        {
            return;
        }

        using Device device = EmulatedCuda.Open(records: true);
        int[] sizes = [1, 100, 256, 4096, 3 << 20, (16 << 20) - 5, 40 << 20, 77, 16 << 20, 33 << 20];
        byte[] source = new byte[sizes.Max()];
        List<Tensor> tensors = [];
        for (int i = 0; i < sizes.Length; i++)
        {
            new Random(i).NextBytes(source);
            tensors.Add(Tensor.FromBytes(
                device, new Shape(sizes[i] / 2), DType.F16, source.AsSpan(0, sizes[i] / 2 * 2)));
        }

        // One is freed with its bytes still on their way, and its place is taken.
        tensors[5].Dispose();
        new Random(50).NextBytes(source);
        tensors[5] = Tensor.FromBytes(device, new Shape(sizes[5] / 2), DType.F16, source.AsSpan(0, sizes[5] / 2 * 2));
        for (int i = 0; i < sizes.Length; i++)
        {
            byte[] expected = new byte[source.Length], actual = new byte[sizes[i] / 2 * 2];
            new Random(i == 5 ? 50 : i).NextBytes(expected);
            tensors[i].CopyBytesTo(actual);
            Assert.True(expected.AsSpan(0, actual.Length).SequenceEqual(actual), $"tensor {i}");
            tensors[i].Dispose();
        }
    }

    [Fact]
    public void Neighbours_go_as_one_copy_and_a_launch_sends_them()
    {
        if (!EmulatedCuda.IsThere(output))
        {
            return;
        }

        long pinned = EmulatedCuda.Count("pinned blocks"), before = EmulatedCuda.Count(Copies);
        using (Device device = EmulatedCuda.Open(records: true))
        using (TensorScope scope = TensorScope.Enter())
        {
            float[] values = new float[64];
            Tensor[] tensors = new Tensor[10];
            for (int i = 0; i < tensors.Length; i++)
            {
                Array.Fill(values, i);
                tensors[i] = Tensor.From(device, new Shape(64), values);
            }

            Assert.Equal(0, EmulatedCuda.Count(Copies) - before);
            float[] sums = Ops.Add(tensors[3], tensors[9]).ToArray();
            Assert.All(sums, sum => Assert.Equal(12f, sum));
            Assert.Equal(1, EmulatedCuda.Count(Copies) - before);
            Assert.Equal(2, EmulatedCuda.Count("pinned blocks") - pinned);
        }

        Assert.Equal(pinned, EmulatedCuda.Count("pinned blocks"));
    }
}
