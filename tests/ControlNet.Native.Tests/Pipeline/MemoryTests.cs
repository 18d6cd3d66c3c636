using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Text;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>What generating and loading take, on the device and on the managed heap.</summary>
public sealed class MemoryTests : IDisposable
{
    private const int Hidden = 512, Inner = 2048, Layers = 3, Vocabulary = 2048, Positions = 77;

    /// <summary>The largest weights, <c>[2048, 512]</c> in F32.</summary>
    private const long Largest = 4L << 20;

    private readonly Device _device = Devices.Cpu(2);
    private readonly ScratchFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        Assert.Equal((0L, 0L), (_device.BlocksInUse, _device.BytesInUse));
        _device.Dispose();
    }

    [Fact]
    public void Thirty_generations_take_what_one_takes()
    {
        using StableDiffusion model = TinyPipeline.Load(_device);
        ImageRequest request = TinyPipeline.Request with { Width = 64, Height = 64 };
        (long blocks, long bytes) = (_device.BlocksInUse, _device.BytesInUse);
        long peak = PeakOf(() => model.Generate(request));
        long managed = 0;
        for (int i = 0; i < 30; i++)
        {
            _ = model.Generate(request with { Seed = i });
            Assert.Equal((blocks, bytes), (_device.BlocksInUse, _device.BytesInUse));
            if (i == 9)
            {
                managed = GC.GetTotalMemory(forceFullCollection: true);
            }
        }

        // Other test classes run beside this one: the limit is what twenty leaked pictures would pass many times over.
        long grown = GC.GetTotalMemory(forceFullCollection: true) - managed;
        Assert.True(grown < 64L << 20, $"{grown} bytes more on the managed heap");
        Assert.True(peak > bytes, "the sampled peak saw nothing");
    }

    [Fact]
    public void Trim_returns_what_was_kept_and_changes_no_image()
    {
        using StableDiffusion model = TinyPipeline.Load(_device);
        ImageRequest request = TinyPipeline.Request with { Width = 128, Height = 128, Steps = 1 };
        GeneratedImage expected = model.Generate(request);
        (long blocks, long bytes) = (_device.BlocksInUse, _device.BytesInUse);
        for (int i = 0; i < 3; i++)
        {
            _device.Trim();
            Assert.Equal((blocks, bytes), (_device.BlocksInUse, _device.BytesInUse));
            TinyPipeline.AssertSame(expected, model.Generate(request));
        }
    }

    [Fact]
    public void Trim_gives_memory_back_to_the_system()
    {
        // 256 MB touched, freed into the pool, given back: visible above what other tests do meanwhile.
        const int blocks = 8, floats = 8 << 20;
        List<Tensor> tensors = [];
        float[] values = new float[floats];
        for (int i = 0; i < blocks; i++)
        {
            tensors.Add(Tensor.From(_device, new Shape(floats), values));
        }

        tensors.ForEach(tensor => tensor.Dispose());
        long kept = Environment.WorkingSet;
        _device.Trim();
        long freed = kept - Environment.WorkingSet;
        Assert.True(freed > 100L << 20, $"{freed} bytes were given back");
    }

    [Theory]
    [InlineData("F32", null)]
    [InlineData("F32", DType.F16)]
    [InlineData("F32", DType.BF16)]
    [InlineData("F16", null)]
    [InlineData("F16", DType.F32)]
    public void A_load_takes_what_it_keeps_and_the_largest_weight(string stored, DType? storage)
    {
        WriteTextEncoder(stored);
        using Checkpoint file = Checkpoint.Open(_folder.Root);
        List<long> inUse = [];
        ClipTextModel? model = null;
        long managed = GC.GetAllocatedBytesForCurrentThread();
        long peak = PeakOf(() => model = new ClipTextModel(
            file.Text!.Map(_device, storage, onRead: _ => inUse.Add(_device.BytesInUse)), file.Text.Config));
        managed = GC.GetAllocatedBytesForCurrentThread() - managed;
        long kept = _device.BytesInUse;
        model!.Dispose();

        // A weight and its packed copy exist at once. Nothing of the size of a weight passes the managed heap.
        int bytesPerWeight = storage == DType.F32 || (storage is null && stored == "F32") ? 4 : 2;
        long weights = file.Text!.ParameterCount * bytesPerWeight;
        Assert.InRange(kept, weights, weights * 11 / 10);
        Assert.InRange(Math.Max(peak, inUse.Max()), kept, kept + Largest + (Largest / 8));
        Assert.True(inUse[0] <= 2 * Largest, $"{inUse[0]} bytes after the first weight");
        Assert.InRange(managed, 0, 1 << 20);
        Assert.True(kept > 18L << 20);
    }

    /// <summary>The most the device held while <paramref name="work"/> ran, as far as a watching thread saw.</summary>
    private long PeakOf(Action work)
    {
        long peak = 0;
        bool done = false;
        Thread watcher = new(() =>
        {
            while (!Volatile.Read(ref done))
            {
                peak = Math.Max(peak, _device.BytesInUse);
                Thread.SpinWait(20);
            }
        });
        watcher.Start();
        try
        {
            work();
        }
        finally
        {
            Volatile.Write(ref done, true);
            watcher.Join();
        }

        return peak;
    }

    /// <summary>A text encoder of about 44 MB in F32, all zeros, as transformers names its weights.</summary>
    private void WriteTextEncoder(string type)
    {
        List<SafeTensorsItem> items = [];
        void Add(string name, params long[] shape)
        {
            long bytes = shape.Aggregate(type == "F32" ? 4L : 2L, (product, extent) => product * extent);
            items.Add(new SafeTensorsItem($"text_model.{name}", type, shape, () => new byte[bytes]));
        }

        void AddBoth(string name, params long[] shape)
        {
            Add($"{name}.weight", shape);
            Add($"{name}.bias", shape[0]);
        }

        Add("embeddings.token_embedding.weight", Vocabulary, Hidden);
        Add("embeddings.position_embedding.weight", Positions, Hidden);
        AddBoth("final_layer_norm", Hidden);
        for (int layer = 0; layer < Layers; layer++)
        {
            string at = $"encoder.layers.{layer}";
            AddBoth($"{at}.layer_norm1", Hidden);
            AddBoth($"{at}.layer_norm2", Hidden);
            AddBoth($"{at}.mlp.fc1", Inner, Hidden);
            AddBoth($"{at}.mlp.fc2", Hidden, Inner);
            foreach (string projection in (string[])["q", "k", "v", "out"])
            {
                AddBoth($"{at}.self_attn.{projection}_proj", Hidden, Hidden);
            }
        }

        SafeTensorsWriter.Write(_folder.Path("model.safetensors"), items);
        string config = File.ReadAllText(TinyPipeline.ModelPath(TinyPipeline.Sd1, "text_encoder", "config.json"));
        foreach ((string from, string to) in ((string, string)[])
        [
            ("\"hidden_size\": 24", $"\"hidden_size\": {Hidden}"),
            ("\"intermediate_size\": 96", $"\"intermediate_size\": {Inner}"),
            ("\"num_attention_heads\": 3", "\"num_attention_heads\": 8"),
            ("\"vocab_size\": 834", $"\"vocab_size\": {Vocabulary}"),
            ("\"num_hidden_layers\": 4", $"\"num_hidden_layers\": {Layers}"),
        ])
        {
            Assert.Contains(from, config, StringComparison.Ordinal);
            config = config.Replace(from, to, StringComparison.Ordinal);
        }

        File.WriteAllText(_folder.Path("config.json"), config);
    }
}
