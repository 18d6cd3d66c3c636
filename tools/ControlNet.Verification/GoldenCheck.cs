using System.Collections.Generic;
using System.IO;
using ControlNet.Native.Tensors;

namespace ControlNet.Verification;

/// <summary>What one comparison found.</summary>
/// <param name="Case">Names the case inside its file, for example <c>k3s1p1/y</c>.</param>
/// <param name="Error">The error in the unit of its limit; 0 for an exact match.</param>
/// <param name="Limit">The largest error allowed; 0 where only exact equality will do.</param>
/// <param name="Problem">
/// Why the case failed for a reason other than the error, for example an exception; null when none.
/// </param>
public sealed record GoldenResult(string Case, double Error, double Limit, string? Problem = null)
{
    /// <summary>Within the limit. A NaN error never is.</summary>
    public bool Passed => Problem is null && Error <= Limit;

    /// <summary>An exact comparison: error 0 when equal, else 1 with the reason.</summary>
    public static GoldenResult Exact(string name, bool equal, string problem) =>
        equal ? new GoldenResult(name, 0, 0) : new GoldenResult(name, 1, 0, problem);
}

/// <summary>A golden folder and the device under test.</summary>
/// <param name="Root">The folder laid out like the golden data: <c>models/</c>, <c>ops/</c>, <c>outputs/</c>, …</param>
/// <param name="Device">Where everything is computed.</param>
/// <param name="Activations">
/// How networks store what they compute; with F16 the limits of whole networks are those of F16. Single operations and
/// training are F32 whatever it says.
/// </param>
public sealed record GoldenContext(string Root, Device Device, DType Activations = DType.F32)
{
    /// <summary>Absolute path of a file of the folder.</summary>
    public string Path(params string[] parts) => System.IO.Path.Combine([Root, .. parts]);

    /// <summary>Reads one safetensors file of the folder.</summary>
    public GoldenTensors Tensors(string relativePath) => new(Path(relativePath.Split('/')));

    /// <summary>Reads one JSON file of the folder.</summary>
    public System.Text.Json.JsonElement Json(string relativePath) =>
        System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(Path(relativePath.Split('/')))).RootElement;
}

/// <summary>
/// Holds the library against one or more files of the golden folder. A check yields a result for every comparison it
/// makes and names, through <see cref="NotCovered"/>, what of a file it leaves out.
/// </summary>
public abstract class GoldenCheck
{
    /// <summary>
    /// Files this check answers for, relative to the folder, with forward slashes, for example
    /// <c>ops/conv2d.safetensors</c>.
    /// </summary>
    public abstract IEnumerable<string> Files(GoldenContext context);

    /// <summary>Compares one of <see cref="Files"/>.</summary>
    public abstract IEnumerable<GoldenResult> Run(GoldenContext context, string file);

    /// <summary>Parts of <paramref name="file"/> that are not compared yet, in words; empty when all is.</summary>
    public virtual IEnumerable<string> NotCovered(GoldenContext context, string file) => [];
}
