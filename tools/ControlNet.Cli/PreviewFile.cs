using System;
using ControlNet.Native;
using ControlNet.Native.Imaging;

namespace ControlNet.Cli;

/// <summary>
/// A PNG that shows where a generation stands. Readers see the picture before or the new one, never a part.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="every">Evaluations from one picture to the next; the last one always gives one.</param>
/// <param name="decode">Whether the decoder makes it; else it is painted and enlarged.</param>
internal sealed class PreviewFile(string path, int every, bool decode)
{
    /// <summary>
    /// Why the file was not written the last time; null when it was. A preview never ends a generation.
    /// </summary>
    public string? Failure { get; private set; }

    /// <summary>A progress that writes the picture and then tells another.</summary>
    public IProgress<GenerationProgress> Before(IProgress<GenerationProgress>? next) => new Writer(this, next);

    private void Write(GenerationProgress progress)
    {
        if (progress.Completed % every != 0 && progress.Completed != progress.Total)
        {
            return;
        }

        RgbImage picture = progress.Preview(decode);
        try
        {
            int scale = decode ? 1 : LatentsFile.PixelsPerLatent;
            picture.Resize(picture.Width * scale, picture.Height * scale).Save(path);
            Failure = null;
        }
        catch (ImageFileException e)
        {
            Failure = e.Message;
        }
    }

    private sealed class Writer(PreviewFile file, IProgress<GenerationProgress>? next) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value)
        {
            file.Write(value);
            next?.Report(value);
        }
    }
}
