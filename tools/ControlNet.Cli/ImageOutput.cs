using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using ControlNet.Native;
using ControlNet.Native.Imaging;

namespace ControlNet.Cli;

/// <summary>
/// The files of a generation. One image goes to the path as it is; of several, each gets its number before the
/// extension, <c>output-0001.png</c> on, and is written as soon as it is finished.
/// </summary>
internal sealed class ImageOutput
{
    private readonly string _images;
    private readonly string? _latents;
    private readonly int _count;

    /// <summary>Checks that everything can be written.</summary>
    /// <param name="images">The PNG.</param>
    /// <param name="latents">The file of the latents; null for none.</param>
    /// <param name="count">How many images there will be.</param>
    /// <exception cref="UsageException">Something cannot be written, or the count is out of its range.</exception>
    public ImageOutput(string images, string? latents, int count)
    {
        if (count is < 1 or > StableDiffusion.MaxCount)
        {
            throw new UsageException(string.Create(
                CultureInfo.InvariantCulture,
                $"--count is {count}, but must be from 1 to {StableDiffusion.MaxCount}"));
        }

        (_images, _latents, _count) = (images, latents, count);
        foreach (int number in Enumerable.Range(1, count))
        {
            OutputPath.Check("--output", PathOf(images, number), ".png");
            if (latents is not null)
            {
                OutputPath.Check("--save-latents", PathOf(latents, number), ".safetensors");
            }
        }
    }

    /// <summary>Lines that tell what was written.</summary>
    public List<string> Written { get; } = [];

    /// <summary>Writes the next image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="text">Text to keep with it; null for none.</param>
    public void Write(GeneratedImage image, IReadOnlyList<PngText>? text)
    {
        int number = Written.Count + 1;
        if (_latents is not null)
        {
            const int pixels = LatentsFile.PixelsPerLatent;
            new LatentsFile(image.Latents, image.Image.Height / pixels, image.Image.Width / pixels)
                .Write(PathOf(_latents, number));
        }

        string path = PathOf(_images, number);
        image.Image.Save(path, text);
        Written.Add(Summary(path, image));
    }

    private string PathOf(string path, int number) => _count == 1
        ? path
        : Path.ChangeExtension(path, null)
            + string.Create(CultureInfo.InvariantCulture, $"-{number:0000}{Path.GetExtension(path)}");

    /// <summary>The file, then the last line of the parameters, which names seed, sampler and size.</summary>
    private static string Summary(string output, GeneratedImage image)
    {
        string settings = image.Parameters[(image.Parameters.LastIndexOf('\n') + 1)..];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Path.GetFullPath(output)}: {settings}, {image.Elapsed.TotalSeconds:0.0} s");
    }
}
