using System;
using ControlNet.Native;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.House;

/// <summary>
/// The library sample of the README, compiled. <see cref="ReadmeTests"/> holds the two together and runs it.
/// </summary>
internal static class ReadmeSample
{
    public static void Run()
    {
        using Device device = Devices.Cpu();
        using StableDiffusion model = StableDiffusion.Load("tests/Golden/models/sd1-tiny", device);
        using ControlNetModel canny = ControlNetModel.Load("tests/Golden/models/controlnet-tiny-canny", device);

        GeneratedImage result = model.Generate(new ImageRequest
        {
            Prompt = "a lighthouse at sunset",
            NegativePrompt = "blurry, low quality",
            Controls = [new() { Net = canny, Image = RgbImage.Load("tests/Golden/annotators/in_shapes.png") }],
            Steps = 20,
            Seed = 42,
        });

        result.Image.Save("output.png", [new PngText(GeneratedImage.ParametersKey, result.Parameters)]);
        Console.WriteLine(result.Parameters);
    }
}
