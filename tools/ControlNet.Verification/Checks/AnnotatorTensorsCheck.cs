using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Imaging;
using ControlNet.Native.Preprocessing;

namespace ControlNet.Verification.Checks;

/// <summary>
/// The floats of normals from depth and of the content shuffle's flow, tensor by tensor. Limits: 1e-4 of the largest
/// magnitude for gradients, 1e-5 for normals and depth, 2e-3 pixels for the flow.
/// </summary>
public sealed class AnnotatorTensorsCheck : GoldenCheck
{
    private const string Normals = "annotators/normal_from_depth.safetensors";
    private const string Shuffle = "annotators/shuffle.safetensors";
    private const string List = "annotators/annotators.json";

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) =>
        new[] { Normals, Shuffle }.Where(file => File.Exists(context.Path(file.Split('/'))));

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file) =>
        Cases(context, file).SelectMany(entry => file == Normals ? OneNormal(context, entry) : OneFlow(context, entry));

    /// <inheritdoc/>
    public override IEnumerable<string> NotCovered(GoldenContext context, string file) =>
        context.Tensors(file).Cases().Except(Cases(context, file).Select(NameOf))
            .Select(name => $"'{name}/*': no case of {List} names it");

    /// <summary>The depth map of a case.</summary>
    internal static FloatImage Depth(GoldenContext context, string name)
    {
        GoldenTensor depth = context.Tensors(Normals)[$"{name}/in.depth"];
        return new FloatImage(depth.Shape[1], depth.Shape[0], 1, depth.Floats());
    }

    /// <summary>The parameters of a case.</summary>
    internal static NormalFromDepthOptions NormalOptions(JsonElement entry) => new()
    {
        Flatness = entry.GetProperty("a").GetDouble(),
        BackgroundThreshold = entry.GetProperty("bg_threshold").GetDouble(),
    };

    /// <summary>The flow that the noise of a case makes.</summary>
    internal static FloatImage Flow(GoldenContext context, string name, int grid, RgbImage image)
    {
        GoldenTensors golden = context.Tensors(Shuffle);
        return ContentShuffle.Flow(
            image.Width, image.Height, grid, golden[$"{name}/in.noise_x"].Doubles(),
            golden[$"{name}/in.noise_y"].Doubles());
    }

    private static JsonElement.ArrayEnumerator Cases(GoldenContext context, string file) =>
        context.Json(List).GetProperty(file == Normals ? "normal_from_depth" : "content_shuffle")
            .GetProperty("cases").EnumerateArray();

    private static string NameOf(JsonElement entry) => entry.TryGetProperty("case", out JsonElement name)
        ? name.GetString()!
        : entry.GetProperty("tensors").GetString()!.Split('/')[0];

    private static List<GoldenResult> OneNormal(GoldenContext context, JsonElement entry)
    {
        const double GradientLimit = 1e-4, NormalLimit = 1e-5;
        string name = NameOf(entry);
        return ModelGolden.Case(name, results =>
        {
            GoldenTensors golden = context.Tensors(Normals);
            FloatImage depth = Depth(context, name);
            foreach ((string key, GradientOperator kind) in new[]
                { ("sobel", GradientOperator.Sobel), ("scharr", GradientOperator.Scharr) })
            {
                (FloatImage across, FloatImage down) = ImageGradients.Of(depth, kind);
                results.Add(Compare(golden, $"{name}/out.{key}_x", across, GradientLimit));
                results.Add(Compare(golden, $"{name}/out.{key}_y", down, GradientLimit));
            }

            results.Add(Compare(golden, $"{name}/out.depth01", NormalFromDepth.Shares(depth), NormalLimit));
            results.Add(Compare(
                golden, $"{name}/out.normal", NormalFromDepth.Apply(depth, NormalOptions(entry)), NormalLimit));
        });
    }

    private static List<GoldenResult> OneFlow(GoldenContext context, JsonElement entry)
    {
        const double PixelLimit = 2e-3;
        string name = NameOf(entry);
        return ModelGolden.Case(name, results =>
        {
            GoldenTensor expected = context.Tensors(Shuffle)[$"{name}/out.flow"];
            FloatImage flow = Flow(
                context, name, entry.GetProperty("F").GetInt32(), AnnotatorsCheck.Input(context, entry));
            double worst = expected.Floats().Zip(flow.Values.ToArray(), (a, b) => Math.Abs((double)a - b)).Max();
            results.Add(expected.Shape.SequenceEqual([flow.Height, flow.Width, 2])
                ? new GoldenResult($"{name}/out.flow", worst, PixelLimit)
                : new GoldenResult($"{name}/out.flow", double.NaN, PixelLimit, $"the flow is {flow}"));
        });
    }

    private static GoldenResult Compare(GoldenTensors golden, string name, FloatImage actual, double limit) =>
        ModelGolden.Compare(name, golden[name].Floats(), actual.Values, limit);
}
