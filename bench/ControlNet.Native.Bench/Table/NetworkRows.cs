using System.Collections.Generic;
using System.Globalization;
using System.Text.Json.Nodes;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// The rows of whole networks: one row for each peer, so that never more than two of them are in memory.
/// </summary>
internal static class NetworkRows
{
    /// <summary>All of them, in the order of the table.</summary>
    /// <param name="model">The checkpoint.</param>
    /// <param name="control">The ControlNet; null leaves its rows out.</param>
    /// <param name="size">Width and height of the image in pixels.</param>
    public static IEnumerable<Row> All(string model, string? control, int size)
    {
        (string Part, string Name, int Batch, double? Tuned, double? Default, double? Onnx)[] parts =
        [
            ("unet", "UNet", 2, 2.6, 3.7, 1.6), ("control", "ControlNet", 2, 2.6, null, 1.6),
            ("decode", "VAE decode", 1, 2.2, null, 2.2), ("encode", "VAE encode", 1, 2.2, null, null),
            ("clip", "CLIP", 2, 2, null, 1),
        ];
        foreach ((string part, string name, int batch, double? tuned, double? shipped, double? onnx) in parts)
        {
            if (part == "control" && control is null)
            {
                continue;
            }

            string label = string.Create(
                CultureInfo.InvariantCulture, $"{name}{(part == "clip" ? "" : $" {size}x{size}")} b{batch}");
            JsonObject spec = new()
            {
                ["case"] = "network", ["part"] = part, ["model"] = model, ["control"] = control, ["size"] = size,
                ["batch"] = batch,
            };
            yield return new Row(part, label, spec, [(Contender.TorchTuned, "nhwc")], tuned);
            if (shipped is not null)
            {
                yield return new Row(part, label, spec, [(Contender.TorchDefault, "nchw")], shipped);
            }

            yield return new Row(part, label, spec, [(Contender.Onnx, "")], onnx);
        }
    }
}
