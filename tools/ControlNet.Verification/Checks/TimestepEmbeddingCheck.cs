using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Unet;

namespace ControlNet.Verification.Checks;

/// <summary>
/// The sinusoid of a timestep. The library computes it in double precision, so it is held against the float64
/// reference,
/// with a limit sixty times below what float32 arithmetic would need.
/// </summary>
public sealed class TimestepEmbeddingCheck : GoldenCheck
{
    private const double Limit = 1e-6;

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) => ["ops/timestep_embedding.safetensors"];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        JsonElement sidecar = context.Json(file.Replace(".safetensors", ".json", System.StringComparison.Ordinal));
        foreach (JsonElement entry in sidecar.GetProperty("cases").EnumerateArray())
        {
            string name = entry.GetProperty("case").GetString()!;
            JsonElement parameters = entry.GetProperty("params");
            float[] actual = TimeEmbedding.Sinusoid(
                golden[$"{name}/in.t"].Floats(),
                parameters.GetProperty("dim").GetInt32(),
                parameters.GetProperty("flip_sin_to_cos").GetBoolean(),
                parameters.GetProperty("downscale_freq_shift").GetDouble(),
                parameters.GetProperty("max_period").GetDouble());
            float[] expected = [.. golden[$"{name}/out64.y"].Doubles().Select(value => (float)value)];
            yield return ModelGolden.Compare($"{name}/y", expected, actual, Limit);
        }
    }
}
