using System;
using System.Collections.Generic;
using System.CommandLine;
using ControlNet.Native.Imaging;
using ControlNet.Native.Preprocessing;
using static ControlNet.Cli.PreprocessKind;

namespace ControlNet.Cli;

/// <summary>The kinds of <c>controlnet preprocess</c> from a picture to a picture.</summary>
internal static class PreprocessPictures
{
    /// <summary>A command for each.</summary>
    public static IEnumerable<Command> All() =>
    [
        OfCanny(), OfSoftEdges(), OfScribble(), OfFakeScribble(), OfExtendedDoG(), OfThinning(), OfThreshold(),
        OfBinary(), OfBlur(), OfTile(), OfShuffle(), OfResize(), OfPad(),
        Picture("grey", "Luminance in all three channels.", [], (_, image) => Grey.Apply(image)),
        Picture("invert", "The negative: a drawing in black on white for nets that expect white on black.", [],
            (_, image) => Invert.Apply(image)),
    ];

    private static Command OfCanny()
    {
        Option<double> low = Number("--low", "Weaker edges are dropped, 0 to 32767.", 100.0);
        Option<double> high = Number(
            "--high", "Stronger edges are kept with all weaker ones connected with them, 0 to 32767.", 200.0);
        Option<bool> length = Flag("--l2", "Measure gradients by their length.");
        Option<bool> grey = Flag("--grey", "Look at the luminance only.");
        return Picture(
            "canny", "Edges of one pixel, white on black, to the bit as OpenCV's; for canny nets.",
            [low, high, length, grey],
            (arguments, image) => Canny.Apply(image, new CannyOptions
            {
                Low = arguments.GetValue(low),
                High = arguments.GetValue(high),
                L2 = arguments.GetValue(length),
                Grey = arguments.GetValue(grey),
            }));
    }

    private static Command OfSoftEdges()
    {
        SoftEdgesOptions defaults = new();
        (Option<string> kernel, Option<double> sigma, Option<double> gain) = SoftEdgeOptions(defaults);
        return Picture(
            "soft-edges", "Edges in shades of grey by their gradient; for soft edge (HED, PiDiNet) nets.",
            [kernel, sigma, gain],
            (arguments, image) => SoftEdges.Apply(image, new SoftEdgesOptions
            {
                Operator = Operator(arguments.GetValue(kernel)!),
                Sigma = arguments.GetValue(sigma),
                Gain = arguments.GetValue(gain),
            }));
    }

    private static (Option<string> Kernel, Option<double> Sigma, Option<double> Gain) SoftEdgeOptions(
        SoftEdgesOptions defaults) => (
        new("--operator")
        {
            Description = "sobel or scharr.",
            HelpName = "NAME",
            DefaultValueFactory = _ => "scharr",
        },
        Number("--sigma", "Blur before, in pixels, 0 to 100.", defaults.Sigma),
        Number("--gain", "Brightness; at 1 a step from black to white is white. 0.01 to 100.", defaults.Gain));

    private static GradientOperator Operator(string name) => name.ToUpperInvariant() switch
    {
        "SOBEL" => GradientOperator.Sobel,
        "SCHARR" => GradientOperator.Scharr,
        _ => throw new UsageException($"--operator is '{name}', but must be 'sobel' or 'scharr'"),
    };

    private static Command OfScribble()
    {
        Option<int> level = Number("--level", "What is darker in any channel is ink, 1 to 255.", 127);
        return Picture(
            "scribble", "A drawing in dark ink as white lines on black; for scribble nets.", [level],
            (arguments, image) => Scribble.Apply(image, arguments.GetValue(level)));
    }

    private static Command OfFakeScribble()
    {
        Option<bool> edges = Flag("--from-edges", "The input is a map of soft edges already, light on dark.");
        (Option<double> threshold, Option<double> sigma) = ThinningOptions(defaultThreshold: 32);
        return Picture(
            "fake-scribble", "A photograph as if drawn with a thick pen; for scribble nets.",
            [edges, threshold, sigma],
            (arguments, image) => FakeScribble.Apply(
                arguments.GetValue(edges) ? image : SoftEdges.Apply(image, new SoftEdgesOptions { Gain = 4 }),
                new EdgeThinningOptions
                {
                    Threshold = arguments.GetValue(threshold),
                    Sigma = arguments.GetValue(sigma),
                }));
    }

    private static Command OfThinning()
    {
        (Option<double> threshold, Option<double> sigma) = ThinningOptions(new EdgeThinningOptions().Threshold);
        return Picture(
            "thin", "The ridges of a map of soft edges, white on black (non-maximum suppression).", [threshold, sigma],
            (arguments, image) => EdgeThinning.Apply(image, new EdgeThinningOptions
            {
                Threshold = arguments.GetValue(threshold),
                Sigma = arguments.GetValue(sigma),
            }));
    }

    private static (Option<double> Threshold, Option<double> Sigma) ThinningOptions(double defaultThreshold) => (
        Number("--threshold", "Ridges up to this height are dropped, 0 to 255.", defaultThreshold),
        Number("--sigma", "Blur before, in pixels, 0.1 to 100.", new EdgeThinningOptions().Sigma));

    private static Command OfExtendedDoG()
    {
        Option<int> threshold = Number("--threshold", "The higher, the fewer lines; 0 to 255.", 32);
        return Picture(
            "xdog", "Lines where a photograph is darker than around (XDoG); for scribble nets.", [threshold],
            (arguments, image) => ExtendedDoG.Apply(image, arguments.GetValue(threshold)));
    }

    private static Command OfThreshold()
    {
        Option<int> level = Number("--level", "What is lighter in all channels becomes white, 0 to 255.", 127);
        return Picture(
            "threshold", "White where all channels are above a level, else black.", [level],
            (arguments, image) => Threshold.Apply(image, arguments.GetValue(level)));
    }

    private static Command OfBinary()
    {
        Option<int> level = Number(
            "--level", "What is lighter becomes black, 1 to 254; 0 or 255 has Otsu's method choose.", 0);
        return Picture(
            "binary", "Dark white and light black, split by luminance; for line and scribble nets.", [level],
            (arguments, image) => Binary.Apply(image, arguments.GetValue(level)));
    }

    private static Command OfBlur()
    {
        Option<double> sigma = Number(
            "--sigma", "Standard deviation in pixels, 0 to 100; 0 takes it from --kernel-size.",
            new GaussianBlurOptions().Sigma);
        Option<int> size = Number("--kernel-size", "Odd, up to 999 pixels; 0 takes it from --sigma.", 0);
        return Picture(
            "blur", "Blurred by a Gaussian; for tile and blur nets.", [sigma, size],
            (arguments, image) => GaussianBlur.Apply(image, new GaussianBlurOptions
            {
                Sigma = arguments.GetValue(sigma),
                KernelSize = arguments.GetValue(size),
            }));
    }

    private static Command OfTile()
    {
        Option<double> rate = Number("--rate", "Both edges are divided by it, 1 to 16.", 2.0);
        return Picture(
            "tile", "Shrunk, so that a net for tiles invents the details anew.", [rate],
            (arguments, image) => Tile.Apply(image, arguments.GetValue(rate)));
    }

    private static Command OfShuffle()
    {
        Option<int> grid = Number("--grid-size", "Pixels between points that are moved at random, 8 to 4096.", 256);
        Option<long> seed = Number("--seed", "Seed of the warp, 0 to 4294967295.", 0L);
        return Picture(
            "shuffle", "Warped at random: colours stay, places are lost; for shuffle nets.", [grid, seed],
            (arguments, image) => ContentShuffle.Apply(image, new ContentShuffleOptions
            {
                GridSize = arguments.GetValue(grid),
                Seed = arguments.GetValue(seed),
            }));
    }

    private static Command OfResize()
    {
        Option<int?> width = Edge("--width"), height = Edge("--height"), resolution = Resolution();
        Option<string> mode = new("--mode")
        {
            Description = "nearest, area, linear, cubic or lanczos; with --resolution area or lanczos is taken.",
            HelpName = "NAME",
            DefaultValueFactory = _ => "area",
        };
        return Picture(
            "resize", "Another size, as OpenCV resizes.", [width, height, mode, resolution],
            (arguments, image) => (arguments.GetValue(width), arguments.GetValue(height),
                arguments.GetValue(resolution)) switch
            {
                ({ } x, { } y, null) => ImageResize.Apply(image, x, y, Mode(arguments.GetValue(mode)!)),
                (null, null, { } pixels) => ImageResize.ToResolution(image, pixels),
                _ => throw new UsageException("give --width and --height, or --resolution"),
            },
            resizes: false);
    }

    private static Option<int?> Edge(string name) => new(name)
    {
        Description = "Pixels of the result; with the other one, instead of --resolution. [default: none]",
        HelpName = "PIXELS",
    };

    private static Interpolation Mode(string name) => name.ToUpperInvariant() switch
    {
        "NEAREST" => Interpolation.Nearest,
        "AREA" => Interpolation.Area,
        "LINEAR" => Interpolation.Linear,
        "CUBIC" => Interpolation.Cubic,
        "LANCZOS" => Interpolation.Lanczos4,
        _ => throw new UsageException(
            $"--mode is '{name}', but must be 'nearest', 'area', 'linear', 'cubic' or 'lanczos'"),
    };

    private static Command OfPad()
    {
        Option<int> resolution = Number(
            "--resolution", $"Pixels of the shorter edge, 1 to {ImageResize.MaxResolution}.", 512);
        return Picture(
            "pad", "The shorter edge to a resolution, proportions kept, edges repeated to a multiple of 64.",
            [resolution],
            (arguments, image) => ResizeWithPad.Apply(image, arguments.GetValue(resolution)).Image,
            resizes: false);
    }
}
