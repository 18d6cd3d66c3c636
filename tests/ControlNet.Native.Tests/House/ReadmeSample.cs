using System;
using ControlNet.Native;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.House;

/// <summary>
/// The library sample of the README, compiled. <see cref="ReadmeTests"/> holds the two together.
/// </summary>
internal static class ReadmeSample
{
    public static void Run()
    {
        using Device device = Devices.Cpu();
        using StableDiffusion model = StableDiffusion.Load("assets/model", device);
        using ControlNetModel edges = ControlNetModel.Load("assets/controls/edges", device);

        GeneratedImage result = model.Generate(new ImageRequest
        {
            Prompt = "a blue circle and a red cross on a green background",
            Controls = [new() { Net = edges, Image = RgbImage.Load("examples/edges.png") }],
            Steps = 20,
            GuidanceScale = 2,
            Seed = 42,
        });

        result.Image.Save("output.png", [new PngText(GeneratedImage.ParametersKey, result.Parameters)]);
        Console.WriteLine(result.Parameters);
    }
}
