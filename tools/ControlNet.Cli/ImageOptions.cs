using System.Collections.Generic;
using System.CommandLine;
using ControlNet.Native;
using ControlNet.Native.Imaging;

namespace ControlNet.Cli;

/// <summary>The options about a picture to start from.</summary>
internal sealed class ImageOptions
{
    private readonly Option<string?> _initImage = new("--init-image", "-i")
    {
        Description = "PNG to start from; stretched to --width and --height, which by default are its own. "
            + "[default: none, start from noise]",
        HelpName = "PNG",
    };

    private readonly Option<double?> _strength = new("--strength")
    {
        Description = "How much of --init-image is redone, 0 to 1: the last steps x strength steps are taken. "
            + "[default: 0.8, with --mask 1]",
        HelpName = "NUMBER",
    };

    private readonly Option<string?> _mask = new("--mask")
    {
        Description = "PNG whose white or transparent part of --init-image is repainted, the black one kept. "
            + "[default: none, redo everything]",
        HelpName = "PNG",
    };

    private readonly Option<bool> _keepUnmasked = new("--keep-unmasked")
    {
        Description = "Write the pixels that --mask keeps as they were, not as the autoencoder gives them back. "
            + "[default: off]",
    };

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_initImage, _strength, _mask, _keepUnmasked];

    /// <summary>Adds what was given to a request.</summary>
    public ImageRequest AddTo(ImageRequest request, ParseResult arguments) => request with
    {
        InitialImage = Load(arguments.GetValue(_initImage)),
        Strength = arguments.GetValue(_strength),
        Mask = Load(arguments.GetValue(_mask)),
        KeepUnmasked = arguments.GetValue(_keepUnmasked),
    };

    private static RgbImage? Load(string? path) => path is null ? null : RgbImage.Load(path);
}
