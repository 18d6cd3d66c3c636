using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using ControlNet.Native;
using ControlNet.Native.Control;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;

namespace ControlNet.Verification.Checks;

/// <summary>
/// Whole generations, <c>outputs/pipelines/*</c>, through the public API: the latents after each step and the decoded
/// image. The members of a golden batch do not influence each other, so each is a request of its own.
/// </summary>
public sealed class PipelineCheck : GoldenCheck
{
    private const string Folder = "outputs/pipelines";

    /// <summary>README, part 1: all latents and images of pipelines.</summary>
    private const double Limit = 3e-4;

    /// <summary>
    /// With F16 activations: root mean square of the error over the range of the image, 40 dB of peak signal to noise.
    /// Latents are not compared: their error is that of the image, and no one sees it.
    /// </summary>
    private const double HalfLimit = 1e-2;

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context)
    {
        string folder = context.Path(Folder.Split('/'));
        if (!Directory.Exists(folder))
        {
            return [];
        }

        return Directory.EnumerateFiles(folder, "*.safetensors")
            .Select(path => $"{Folder}/{Path.GetFileName(path)}")
            .Order(StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        JsonElement p = golden.Params;
        using ComposedModel model = new(context, p);
        using StableDiffusion diffusion = StableDiffusion.Load(
            model.Path, context.Device, new LoadOptions { Activations = context.Activations });
        List<ControlNetModel> nets = [];
        try
        {
            foreach (string net in Names(p, "nets"))
            {
                nets.Add(ControlNetModel.Load(
                    context.Path("models", net), context.Device, activations: context.Activations));
            }

            int batch = golden["out.decoded"].Shape[0];
            for (int member = 0; member < batch; member++)
            {
                foreach (GoldenResult result in RunMember(golden, diffusion, nets, member))
                {
                    yield return batch == 1 ? result : result with { Case = $"{member}/{result.Case}" };
                }
            }
        }
        finally
        {
            nets.ForEach(net => net.Dispose());
        }
    }

    private static IEnumerable<GoldenResult> RunMember(
        GoldenTensors golden, StableDiffusion diffusion, List<ControlNetModel> nets, int member)
    {
        JsonElement p = golden.Params;
        Recorder recorder = new();
        ImageRequest request = Request(golden, nets, member);
        GeneratedImage image = diffusion.Generate(request, recorder);

        double[] timesteps = golden["out.timesteps"].Reals();
        yield return GoldenResult.Exact(
            "timesteps",
            timesteps.Zip(recorder.Timesteps)
                .All(pair => Math.Abs(pair.First - pair.Second) <= 1e-5 * Math.Max(1, pair.First))
                && timesteps.Length == recorder.Timesteps.Count,
            $"expected [{string.Join(", ", timesteps)}], got [{string.Join(", ", recorder.Timesteps)}]");

        GoldenTensor decoded = golden["out.decoded"];
        int size = decoded.Floats().Length / decoded.Shape[0];
        float[] values = ToPlanes(image.Decoded.Span, image.Image.Width, image.Image.Height);
        if (diffusion.Activations != DType.F32)
        {
            yield return new GoldenResult(
                "decoded, rms of its range", RmsOfRange(values, decoded.Floats().AsSpan(member * size, size)),
                HalfLimit);
            yield break;
        }

        int[] after = [.. p.GetProperty("latents_after_steps").EnumerateArray().Select(e => e.GetInt32())];
        float[] latents = golden["out.latents"].Floats();
        int batch = decoded.Shape[0];
        int each = latents.Length / (after.Length * batch);
        for (int k = 0; k < after.Length; k++)
        {
            ReadOnlySpan<float> expected = latents.AsSpan(((k * batch) + member) * each, each);
            yield return new GoldenResult(
                $"latents after call {after[k]}", Error(recorder.Latents[after[k]], expected), Limit);
        }

        yield return new GoldenResult("decoded", Error(values, decoded.Floats().AsSpan(member * size, size)), Limit);
        if (golden.Has("out.image"))
        {
            float[] unit = [.. values.Select(v => Math.Clamp((v / 2) + 0.5f, 0, 1))];
            yield return new GoldenResult(
                "image", Error(unit, golden["out.image"].Floats().AsSpan(member * size, size)), Limit);
        }
    }

    private static ImageRequest Request(GoldenTensors golden, List<ControlNetModel> nets, int member)
    {
        JsonElement p = golden.Params;
        (int width, int height) = (p.GetProperty("w").GetInt32(), p.GetProperty("h").GetInt32());
        ImageRequest request = new()
        {
            Prompt = Text(p, "prompt", member),
            NegativePrompt = Text(p, "negative", member),
            PromptSyntax = PromptSyntax.Plain,
            TruncatePrompt = true,
            Width = width,
            Height = height,
            Steps = p.GetProperty("steps").GetInt32(),
            GuidanceScale = p.GetProperty("cfg").GetSingle(),
            GuidanceRescale = (float)Number(p, "guidance_rescale", 0, 0),
            // diffusers counts from 0 and skips no layer for the negative prompt.
            ClipSkip = p.TryGetProperty("clip_skip", out JsonElement skip) ? skip.GetInt32() + 1 : 1,
            NegativeClipSkip = 1,
            Scheduler = Scheduler(p),
            InitialLatents = Latents(golden, member),
            NoiseSource = PipelineImages.Noise(golden),
            Controls = [.. nets.Select((net, i) => Control(golden, net, i, member))],
        };
        return PipelineImages.AddTo(request, golden, member);
    }

    private static ControlInput Control(GoldenTensors golden, ControlNetModel net, int index, int member)
    {
        JsonElement p = golden.Params;
        return new ControlInput
        {
            Net = net,
            Image = PipelineImages.Picture(golden[$"in.control_{p.GetProperty("conds")[index].GetString()}"], member),
            Scale = (float)Number(p, "scale", index, 1),
            Start = Number(p, "start", index, 0),
            End = Number(p, "end", index, 1),
            Mode = p.TryGetProperty("guess", out JsonElement guess) && guess.GetBoolean()
                ? ControlMode.Guess
                : ControlMode.Balanced,
        };
    }

    private static SchedulerConfig Scheduler(JsonElement p)
    {
        SchedulerConfig config = SchedulerConfig.FromJson(
            Encoding.UTF8.GetBytes(p.GetProperty("scheduler").GetRawText()));
        return p.TryGetProperty("eta", out JsonElement eta) ? config with { Eta = eta.GetDouble() } : config;
    }

    private static IEnumerable<string> Names(JsonElement p, string name) =>
        p.TryGetProperty(name, out JsonElement names) ? names.EnumerateArray().Select(e => e.GetString()!) : [];

    /// <summary>A number for every net, or a list with one for each.</summary>
    private static double Number(JsonElement p, string name, int index, double otherwise) =>
        !p.TryGetProperty(name, out JsonElement value) ? otherwise
        : value.ValueKind == JsonValueKind.Array ? value[index].GetDouble()
        : value.GetDouble();

    private static string Text(JsonElement p, string name, int member)
    {
        JsonElement value = p.GetProperty(name);
        return value.ValueKind switch
        {
            JsonValueKind.Array => value[member].GetString()!,
            JsonValueKind.String => value.GetString()!,
            _ => string.Empty,
        };
    }

    private static ReadOnlyMemory<float>? Latents(GoldenTensors golden, int member)
    {
        if (!golden.Has("in.latents"))
        {
            return null;
        }

        GoldenTensor latents = golden["in.latents"];
        float[] values = latents.Floats();
        int each = values.Length / latents.Shape[0];
        return values.AsMemory(member * each, each);
    }

    /// <summary><c>[H, W, 3]</c> as <c>[3, H, W]</c>.</summary>
    private static float[] ToPlanes(ReadOnlySpan<float> values, int width, int height)
    {
        float[] planes = new float[values.Length];
        int pixels = width * height;
        for (int i = 0; i < values.Length; i++)
        {
            planes[(i % 3 * pixels) + (i / 3)] = values[i];
        }

        return planes;
    }

    /// <summary>Largest difference over largest magnitude of the reference; NaN when a value is.</summary>
    private static double Error(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        double worst = actual.Length == expected.Length ? 0 : double.NaN, scale = 0;
        for (int i = 0; i < Math.Min(actual.Length, expected.Length); i++)
        {
            double off = Math.Abs((double)actual[i] - expected[i]);
            worst = off <= worst ? worst : off;
            scale = Math.Max(scale, Math.Abs(expected[i]));
        }

        return worst / scale;
    }

    /// <summary>Root mean square of the difference over 2, the range of a decoded image; NaN when a value is.</summary>
    private static double RmsOfRange(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        double squares = actual.Length == expected.Length ? 0 : double.NaN;
        for (int i = 0; i < Math.Min(actual.Length, expected.Length); i++)
        {
            double off = (double)actual[i] - expected[i];
            squares += off * off;
        }

        return Math.Sqrt(squares / expected.Length) / 2;
    }

    /// <summary>Copies the latents while the report lasts.</summary>
    private sealed class Recorder : IProgress<GenerationProgress>
    {
        public List<float[]> Latents { get; } = [];

        public List<double> Timesteps { get; } = [];

        public void Report(GenerationProgress value)
        {
            Latents.Add(value.CopyLatents());
            Timesteps.Add(value.Timestep);
        }
    }
}
