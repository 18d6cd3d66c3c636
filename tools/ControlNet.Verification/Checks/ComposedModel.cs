using System;
using System.IO;
using System.Text.Json;

namespace ControlNet.Verification.Checks;

/// <summary>
/// The model folder of a golden pipeline. Where its UNet is another model's, a folder that has it in place of its own,
/// which is gone with this.
/// </summary>
internal sealed class ComposedModel : IDisposable
{
    private readonly string? _temporary;

    /// <summary>Finds it, or puts it together.</summary>
    /// <param name="context">Where the models are.</param>
    /// <param name="parameters">The <c>params</c> of the pipeline.</param>
    public ComposedModel(GoldenContext context, JsonElement parameters)
    {
        string model = parameters.GetProperty("model").GetString()!;
        string unet = parameters.TryGetProperty("unet", out JsonElement named) ? named.GetString()! : $"{model}/unet";
        Path = context.Path("models", model);
        if (unet == $"{model}/unet")
        {
            return;
        }

        _temporary = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"controlnet-{Guid.NewGuid():N}");
        try
        {
            string composed = System.IO.Path.Combine(_temporary, model);
            Copy(Path, composed);
            Directory.Delete(System.IO.Path.Combine(composed, "unet"), recursive: true);
            Copy(context.Path(["models", .. unet.Split('/')]), System.IO.Path.Combine(composed, "unet"));
            Path = composed;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_temporary is not null && Directory.Exists(_temporary))
        {
            Directory.Delete(_temporary, recursive: true);
        }
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = System.IO.Path.Combine(to, System.IO.Path.GetRelativePath(from, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
