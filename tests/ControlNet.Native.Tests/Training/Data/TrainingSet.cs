using System;
using System.IO;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Training;

namespace ControlNet.Native.Tests.Training;

/// <summary>A folder with a list and pictures of one colour, for one test.</summary>
internal sealed class TrainingSet : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public string Folder => _folder.Root;

    public string List => _folder.Path(TrainingFolder.ListName);

    public TrainingSet Picture(string name, int width, int height, byte red)
    {
        byte[] rgb = new byte[width * height * 3];
        for (int i = 0; i < rgb.Length; i += 3)
        {
            rgb[i] = red;
        }

        new RgbImage(width, height, rgb).Save(_folder.Path(name));
        return this;
    }

    public TrainingSet Lines(params string[] lines)
    {
        File.WriteAllText(List, string.Join('\n', lines).Replace('\'', '"'));
        return this;
    }

    public void Dispose() => _folder.Dispose();
}
