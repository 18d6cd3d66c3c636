using System.Collections.Generic;
using System.CommandLine;
using ControlNet.Native.Imaging;
using ControlNet.Native.Preprocessing;
using static ControlNet.Cli.PreprocessKind;

namespace ControlNet.Cli;

/// <summary>The kinds of <c>controlnet preprocess</c> that read something else, or more, or write floats.</summary>
internal static class PreprocessOthers
{
    /// <summary>A command for each.</summary>
    public static IEnumerable<Command> All() => [OfNormal(), OfOpenPose(), OfInpaint()];

    private static Command OfNormal()
    {
        NormalFromDepthOptions defaults = new();
        Argument<string> input = Input(
            "Depth map, the nearer the lighter: PNG of 8 or 16 bits, read as 0 to 255, or .safetensors with an F32 "
            + "[height, width].");
        Argument<string> output = Output(
            "PNG, red, green, blue for x, y, z; or .safetensors with F32 [height, width, 3] in [-1, 1].");
        Option<double> background = Number(
            "--background-threshold", "Depths below this share of the range face the camera, 0 to 1.",
            defaults.BackgroundThreshold);
        Option<double> flatness = Number(
            "--flatness", "The larger, the flatter; in the unit of the depth's gradients, 0.000001 to 1000000.",
            defaults.Flatness);
        Command command = New(
            "normal", "Normals of the surface a depth map shows; for normal nets.", input, output,
            [background, flatness]);
        command.SetAction((arguments, _) =>
        {
            string path = arguments.GetValue(output)!;
            bool floats = AsksForFloats(path);
            FloatImage normals = Worded(() => NormalFromDepth.Apply(
                DepthMap.Load(arguments.GetValue(input)!),
                new NormalFromDepthOptions
                {
                    BackgroundThreshold = arguments.GetValue(background),
                    Flatness = arguments.GetValue(flatness),
                }));
            if (floats)
            {
                normals.Save(path);
            }
            else
            {
                normals.ToRgb(PixelRange.MinusOneToOne, PixelRounding.Truncate).Save(path);
            }

            return Done(path, normals.Width, normals.Height);
        });
        return command;
    }

    private static Command OfOpenPose()
    {
        Argument<string> input = Input(
            "JSON of keypoints as OpenPose writes it, with canvas_width and canvas_height or without.");
        Argument<string> output = Output("PNG to write or replace.");
        Option<string> style = new("--style")
        {
            Description = "v11 as the nets of ControlNet 1.1 were trained on, v10 for those of 1.0.",
            HelpName = "NAME",
            DefaultValueFactory = _ => "v11",
        };
        Option<int?> width = Edge("--width"), height = Edge("--height");
        Option<bool> noHands = Flag("--no-hands", "Leave hands out.");
        Option<bool> noFace = Flag("--no-face", "Leave faces out.");
        Command command = New(
            "openpose", "Skeletons drawn from keypoints, to the bit as ControlNet's; for openpose nets.", input, output,
            [style, width, height, noHands, noFace]);
        command.SetAction((arguments, _) =>
        {
            string path = arguments.GetValue(output)!;
            OutputPath.Check("OUTPUT", path, ".png");
            OpenPoseStyle drawn = Style(arguments.GetValue(style)!);
            RgbImage made = Worded(() => OpenPose.Draw(
                PoseDocument.Load(arguments.GetValue(input)!),
                new OpenPoseOptions
                {
                    Style = drawn,
                    Width = arguments.GetValue(width),
                    Height = arguments.GetValue(height),
                    NoHands = arguments.GetValue(noHands),
                    NoFace = arguments.GetValue(noFace),
                }));
            made.Save(path);
            return Done(path, made.Width, made.Height);
        });
        return command;
    }

    private static Option<int?> Edge(string name) => new(name)
    {
        Description = $"Pixels of the result, 1 to {OpenPoseOptions.MaxEdge}; the figures are stretched along. "
            + "[default: that of the canvas]",
        HelpName = "PIXELS",
    };

    private static OpenPoseStyle Style(string name) => name.ToUpperInvariant() switch
    {
        "V10" => OpenPoseStyle.V10,
        "V11" => OpenPoseStyle.V11,
        _ => throw new UsageException($"--style is '{name}', but must be 'v10' or 'v11'"),
    };

    private static Command OfInpaint()
    {
        Argument<string> input = Input("PNG of any kind; transparency is laid over white.");
        Argument<string> output = Output(
            ".safetensors with F32 [height, width, 3], -1 under the mask; a PNG cannot hold that, has it black, and is "
            + "to look at.");
        Option<string> mask = new("--mask")
        {
            Description = "PNG of the same size, white where the picture is to be painted anew.",
            HelpName = "PNG",
            Required = true,
        };
        Option<int?> resolution = Resolution();
        Command command = New(
            "inpaint", "A picture in [0, 1] with -1 under a mask; for inpaint nets.", input, output,
            [mask, resolution]);
        command.SetAction((arguments, _) =>
        {
            string path = arguments.GetValue(output)!;
            bool floats = AsksForFloats(path);
            FloatImage hint = Worded(() => InpaintHint.Apply(
                Resized(RgbImage.Load(arguments.GetValue(input)!), arguments.GetValue(resolution)),
                Resized(RgbImage.Load(arguments.GetValue(mask)!), arguments.GetValue(resolution))));
            if (floats)
            {
                hint.Save(path, "hint");
                return Done(path, hint.Width, hint.Height);
            }

            hint.ToRgb(PixelRange.ZeroToOne).Save(path);
            return Done(path, hint.Width, hint.Height, "black where the hint is -1; write .safetensors for a net");
        });
        return command;
    }
}
