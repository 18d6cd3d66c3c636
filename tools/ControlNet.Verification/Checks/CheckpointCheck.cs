using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Verification.Checks;

/// <summary>
/// Opens every checkpoint of <c>models/</c>. The tensors of a single file, under the names it is loaded by, must be
/// those of the diffusers folder it was made from; LoRA files must be refused by name.
/// </summary>
public sealed class CheckpointCheck : GoldenCheck
{
    // Single files and the folders they were converted from (models whose bytes agree).
    private static readonly Dictionary<string, string> s_origins = new()
    {
        ["models/single-file/sd1-tiny.f32.safetensors"] = "models/sd1-tiny",
        ["models/single-file/sd1-tiny.f16.safetensors"] = "models/sd1-tiny",
        ["models/single-file/sd2-tiny.f16.safetensors"] = "models/sd2-tiny",
        ["models/single-file/control-canny.f32.safetensors"] = "models/controlnet-tiny-canny",
        ["models/single-file/control-depth.f16.safetensors"] = "models/controlnet-tiny-depth",
    };

    // diffusers renamed the attention layers of the autoencoder.
    private static readonly (string Old, string New)[] s_renamed =
        [(".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0.")];

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) =>
        !Directory.Exists(context.Path("models"))
            ? []
            : Directory.EnumerateFiles(context.Path("models"), "*.safetensors", SearchOption.AllDirectories)
                .Select(path => Path.GetRelativePath(context.Root, path).Replace('\\', '/'))
                .Order(StringComparer.Ordinal);

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file) =>
        file.StartsWith("models/lora/", StringComparison.Ordinal) ? [Refused(context, file)]
        : s_origins.TryGetValue(file, out string? origin) ? SingleFile(context, file, origin)
        : Folder(context, file);

    private static GoldenResult Refused(GoldenContext context, string file)
    {
        try
        {
            using Checkpoint checkpoint = Checkpoint.Open(context.Path(file.Split('/')));
            return GoldenResult.Exact("refused", false, "was opened as a model");
        }
        catch (CheckpointException e)
        {
            return GoldenResult.Exact(
                "refused", e.Message.Contains("this is a LoRA", StringComparison.Ordinal), e.Message);
        }
    }

    private static List<GoldenResult> Folder(GoldenContext context, string file)
    {
        using Checkpoint checkpoint = Checkpoint.Open(Path.GetDirectoryName(context.Path(file.Split('/')))!);
        GoldenTensors golden = context.Tensors(file);
        Dictionary<string, GoldenTensor> expected = golden.Names.Where(name => !IsPositionIds(name))
            .ToDictionary(Modern, name => golden[name]);
        return [.. Parts(checkpoint).Select(part => Compare(context, part, expected)), Complete(checkpoint)];
    }

    private static List<GoldenResult> SingleFile(GoldenContext context, string file, string origin)
    {
        CheckpointOptions options = new() { ConfigsFrom = context.Path(origin.Split('/')) };
        using Checkpoint checkpoint = Checkpoint.Open(context.Path(file.Split('/')), options);
        List<GoldenResult> results = [];
        foreach ((string name, IEnumerable<string> names, Func<Device, WeightMap> map) in Parts(checkpoint))
        {
            string folder = context.Path([.. origin.Split('/'), name == "controlnet" ? "." : name]);
            GoldenTensors golden = new(Directory.GetFiles(folder, "*.safetensors").Single());
            Dictionary<string, GoldenTensor> expected = golden.Names.Where(n => !IsPositionIds(n))
                .ToDictionary(Modern, n => golden[n]);
            results.Add(Compare(context, (name, names, map), expected));
        }

        return [.. results, Complete(checkpoint)];
    }

    private static GoldenResult Compare(
        GoldenContext context, (string Name, IEnumerable<string> Names, Func<Device, WeightMap> Map) part,
        Dictionary<string, GoldenTensor> expected)
    {
        string[] names = [.. part.Names];
        if (names.Length != expected.Count)
        {
            return GoldenResult.Exact(part.Name, false, $"has {names.Length} weights, {expected.Count} are expected");
        }

        WeightMap map = part.Map(context.Device);
        foreach (string name in names)
        {
            if (!expected.TryGetValue(name, out GoldenTensor? want))
            {
                return GoldenResult.Exact(part.Name, false, $"weight '{name}' is not expected");
            }

            using Tensor taken = map.TakeStored(name, new Shape(want.Shape));
            byte[] bytes = new byte[taken.Bytes];
            taken.CopyBytesTo(bytes);
            if (!bytes.AsSpan().SequenceEqual(Expected(want, taken.DType)))
            {
                return GoldenResult.Exact(part.Name, false, $"the bytes of weight '{name}' differ");
            }
        }

        return GoldenResult.Exact(part.Name, true, string.Empty);
    }

    // The f16 single file of sd1-tiny holds the float32 weights rounded.
    private static ReadOnlySpan<byte> Expected(GoldenTensor want, DType type)
    {
        if (type != DType.F16 || want.DType != "F32")
        {
            return want.DType == type.Name() ? want.Bytes.Span : [];
        }

        byte[] narrow = new byte[want.Bytes.Length / 2];
        HalfConversion.NarrowToHalf(want.Floats(), narrow);
        return narrow;
    }

    private static GoldenResult Complete(Checkpoint checkpoint)
    {
        LoadReport report = checkpoint.Report();
        return GoldenResult.Exact(
            "nothing left over", report.Leftovers.Count == 0 && report.TensorsUsed > 0,
            string.Join(", ", report.Leftovers));
    }

    private static IEnumerable<(string Name, IEnumerable<string> Names, Func<Device, WeightMap> Map)> Parts(
        Checkpoint checkpoint)
    {
        if (checkpoint.Unet is { } unet)
        {
            yield return ("unet", unet.Names, device => unet.Map(device));
        }

        if (checkpoint.Vae is { } vae)
        {
            yield return ("vae", vae.Names, device => vae.Map(device));
        }

        if (checkpoint.Text is { } text)
        {
            yield return ("text_encoder", text.Names, device => text.Map(device));
        }

        if (checkpoint.ControlNet is { } control)
        {
            yield return ("controlnet", control.Names, device => control.Map(device));
        }
    }

    private static bool IsPositionIds(string name) => name.EndsWith("position_ids", StringComparison.Ordinal);

    private static string Modern(string name) =>
        s_renamed.Aggregate(name, (text, pair) => text.Replace(pair.Old, pair.New, StringComparison.Ordinal));
}
