using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench.Table;

/// <summary>The rows of single operations, all of Stable Diffusion 1.5 at 512 x 512.</summary>
internal static class OpRows
{
    private const int Float = sizeof(float);

    /// <summary>All of them, in the order of the table.</summary>
    public static IEnumerable<Row> All() =>
    [
        .. Gemm(), .. Conv3x3("direct", 0.95), .. Conv3x3("conv", null), .. OtherConv(), .. Attention(), .. Norms(),
        .. Gradients(),
    ];

    private static IEnumerable<Row> Gemm()
    {
        (int, int, int)[] sizes =
        [
            (4096, 320, 320), (4096, 320, 2560), (1024, 640, 640), (256, 1280, 1280), (64, 1280, 1280), (154, 768, 320),
            (4096, 2880, 320),
        ];
        foreach ((int m, int k, int n) in sizes)
        {
            JsonObject spec = new() { ["case"] = "linear", ["m"] = m, ["k"] = k, ["n"] = n };
            yield return new Row("gemm", $"GEMM {m},{k},{n}", spec, Everywhere("linear", "mm"), 1.05)
            {
                Operations = 2.0 * m * k * n, BoundBar = 0.9,
            };
        }
    }

    /// <summary>
    /// Stride 1: with the direct algorithm, or with the one the engine chooses for a weight it keeps transformed.
    /// </summary>
    private static IEnumerable<Row> Conv3x3(string group, double? bar)
    {
        bool direct = group == "direct";
        List<(int Batch, int Size, int In, int Out)> sizes =
        [
            (1, 64, 320, 320), (2, 64, 320, 320), (1, 64, 960, 320), (1, 32, 640, 640), (2, 32, 640, 640),
            (1, 16, 1280, 1280), (2, 16, 1280, 1280), (1, 8, 1280, 1280), (2, 8, 1280, 1280),
        ];
        if (!direct)
        {
            sizes.AddRange([(1, 256, 256, 256), (1, 512, 128, 128)]);
        }

        foreach ((int batch, int size, int channels, int features) in sizes)
        {
            Row row = Conv(group, batch, size, channels, features, 3, 1, bar ?? (size >= 16 ? 2.8 : 6), direct);
            yield return direct ? row with { Ours = Contender.OursDirect, BoundBar = 0.85 } : row;
        }
    }

    private static IEnumerable<Row> OtherConv() =>
    [
        Conv("conv-other", 1, 64, 320, 320, 3, 2, 1) with { BoundBar = 0.85 },
        Conv("conv-other", 1, 32, 640, 640, 3, 2, 1) with { BoundBar = 0.85 },
        Conv("conv-other", 1, 64, 320, 320, 1, 1, 1) with { BoundBar = 0.85 },
        Conv("conv-other", 1, 64, 960, 320, 1, 1, 1) with { BoundBar = 0.85 },
        Conv("conv-other", 1, 16, 1280, 1280, 1, 1, 1) with { BoundBar = 0.85 },
    ];

    private static Row Conv(
        string group, int batch, int size, int channels, int features, int kernel, int stride, double bar,
        bool direct = false)
    {
        JsonObject spec = new()
        {
            ["case"] = "conv2d", ["batch"] = batch, ["height"] = size, ["width"] = size, ["in"] = channels,
            ["out"] = features, ["kernel"] = kernel, ["stride"] = stride,
        };
        string step = stride == 1 ? "" : $" stride {stride}", how = direct ? " direct" : "";
        double pixels = (double)batch * size * size / (stride * stride);
        if (kernel == 3 && stride == 1 && !direct)
        {
            // As a plan with memory to spare keeps them; peers know nothing of it.
            spec["growth"] = nameof(WeightGrowth.Full);
            how = " kept";
        }

        string name = $"conv {kernel}x{kernel}{step}{how} {channels}@{size}x{size}->{features} b{batch}";
        return new Row(group, name, spec, Layouts, bar)
        {
            Operations = 2 * pixels * features * channels * kernel * kernel,
        };
    }

    private static IEnumerable<Row> Attention()
    {
        (int, int, double)[] sizes = [(4096, 40, 7), (1024, 80, 4), (256, 160, 2.5)];
        foreach ((int tokens, int width, double bar) in sizes)
        {
            yield return Attention("self-attention", tokens, tokens, width, bar) with { BoundBar = 0.75 };
            yield return Attention("cross-attention", tokens, 77, width, 3) with { BoundBar = 0.5 };
        }
    }

    private static Row Attention(string name, int queries, int keys, int width, double bar)
    {
        const int batch = 2, heads = 8;
        JsonObject spec = new()
        {
            ["case"] = "attention", ["batch"] = batch, ["heads"] = heads, ["queries"] = queries, ["keys"] = keys,
            ["width"] = width,
        };
        return new Row(
            "attention", $"{name} {queries}x{width}, {keys} keys", spec, Everywhere("plain", "scaled"), bar)
        {
            Operations = 4.0 * batch * heads * queries * keys * width,
        };
    }

    private static IEnumerable<Row> Norms() =>
    [
        Memory("group_norm", "GroupNorm+SiLU", [2, 64, 64, 320], Layouts, 2.8, 0.8, 2),
        Memory("group_norm", "GroupNorm+SiLU", [2, 64, 64, 960], Layouts, 2.8, 0.8, 2),
        Memory("group_norm", "GroupNorm+SiLU", [2, 32, 32, 640], Layouts, 2.8, 0.8, 2),
        Memory("group_norm", "GroupNorm+SiLU", [2, 16, 16, 1280], Layouts, 2.8, 0.8, 2),
        Memory("layer_norm", "LayerNorm", [2, 4096, 320], Everywhere("plain"), 2.8, 0.8, 2),
        Memory("layer_norm", "LayerNorm", [2, 1024, 640], Everywhere("plain"), 2.8, 0.8, 2),
        Memory("layer_norm", "LayerNorm", [2, 256, 1280], Everywhere("plain"), 2.8, 0.8, 2),
        Memory("geglu", "GEGLU", [2, 4096, 2560], Everywhere("plain"), 8, 0.8, 1.5),
        Memory("geglu", "GEGLU", [2, 1024, 5120], Everywhere("plain"), 8, 0.8, 1.5),
        Memory("geglu", "GEGLU", [2, 256, 10240], Everywhere("plain"), 8, 0.8, 1.5),
        Memory("softmax", "softmax", [16, 1024, 1024], Everywhere("plain"), 4, 0.6, 2),
        Memory("softmax", "softmax", [16, 4096, 77], Everywhere("plain"), 4, 0.6, 2),
    ];

    private static IEnumerable<Row> Gradients()
    {
        foreach ((int size, int channels) in ((int, int)[])[(64, 320), (32, 640), (16, 1280), (8, 1280)])
        {
            yield return Gradient("conv2d_dx", "dgrad", size, channels, 3.5);
            yield return Gradient("conv2d_dw", "wgrad", size, channels, 1.05);
        }

        foreach ((int m, int k, int n) in ((int, int, int)[])[(8192, 320, 320), (8192, 320, 2560), (2048, 640, 640)])
        {
            JsonObject spec = new() { ["case"] = "linear_dw", ["m"] = m, ["k"] = k, ["n"] = n };
            yield return new Row("gradients", $"linear wgrad {m},{k},{n}", spec, Everywhere("linear", "mm"), 0.95)
            {
                Operations = 2.0 * m * k * n,
            };
        }
    }

    private static Row Gradient(string call, string name, int size, int channels, double bar)
    {
        const int batch = 2, taps = 9;
        JsonObject spec = new()
        {
            ["case"] = call, ["batch"] = batch, ["height"] = size, ["width"] = size, ["in"] = channels,
            ["out"] = channels,
        };
        return new Row("gradients", $"{name} 3x3 {channels}@{size}x{size} b{batch}", spec, Layouts, bar)
        {
            Operations = 2.0 * batch * size * size * taps * channels * channels,
        };
    }

    /// <param name="passes">Elements moved for each element of the input.</param>
    private static Row Memory(
        string call, string name, int[] shape, IReadOnlyList<(Contender, string)> peers, double bar, double boundBar,
        double passes)
    {
        long count = shape.Aggregate(1L, (a, b) => a * b);
        JsonObject spec = new()
        {
            ["case"] = call, ["shape"] = new JsonArray([.. shape.Select(extent => (JsonNode)extent)]), ["groups"] = 32,
        };
        return new Row("norms", $"{name} [{string.Join(", ", shape)}]", spec, peers, bar)
        {
            BytesMoved = (long)(count * passes * Float), BoundBar = boundBar,
        };
    }

    /// <summary>NCHW as shipped, and both layouts at PyTorch's best.</summary>
    private static (Contender, string)[] Layouts =>
        [(Contender.TorchDefault, "nchw"), (Contender.TorchTuned, "nchw"), (Contender.TorchTuned, "nhwc")];

    /// <summary>The first form as shipped, and all of them at PyTorch's best.</summary>
    private static (Contender, string)[] Everywhere(params string[] forms) =>
        [(Contender.TorchDefault, forms[0]), .. forms.Select(form => (Contender.TorchTuned, form))];
}
