using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using ControlNet.Native.Imaging;
using ControlNet.Native.Preprocessing;

namespace ControlNet.Cli;

/// <summary>What the commands of all kinds share: two files, a resolution, and how refusals are worded.</summary>
internal static partial class PreprocessKind
{
    private const string Tensors = ".safetensors", Png = ".png";

    /// <summary>A command from a picture to a picture.</summary>
    /// <param name="name">The kind.</param>
    /// <param name="description">What it makes and for which nets, in a sentence.</param>
    /// <param name="options">Its own options.</param>
    /// <param name="apply">Makes the hint of the picture, which has been brought to the resolution.</param>
    /// <param name="resizes">Whether it has <c>--resolution</c>.</param>
    public static Command Picture(
        string name, string description, IReadOnlyList<Option> options, Func<ParseResult, RgbImage, RgbImage> apply,
        bool resizes = true)
    {
        Argument<string> input = Input("PNG of any kind; transparency is laid over white.");
        Argument<string> output = Output("PNG to write or replace.");
        Option<int?> resolution = Resolution();
        Command command = New(name, description, input, output, resizes ? [.. options, resolution] : options);
        command.SetAction((arguments, _) =>
        {
            string path = arguments.GetValue(output)!;
            OutputPath.Check("OUTPUT", path, Png);
            RgbImage made = Worded(() =>
            {
                RgbImage image = RgbImage.Load(arguments.GetValue(input)!);
                return apply(arguments, resizes ? Resized(image, arguments.GetValue(resolution)) : image);
            });
            made.Save(path);
            return Done(path, made.Width, made.Height);
        });
        return command;
    }

    /// <summary>A command with two files and options, without its action.</summary>
    public static Command New(
        string name, string description, Argument<string> input, Argument<string> output,
        IReadOnlyList<Option> options)
    {
        Command command = new(name, description) { input, output };
        foreach (Option option in options)
        {
            command.Add(option);
        }

        return command;
    }

    /// <summary>The file that is read.</summary>
    public static Argument<string> Input(string description) => new("INPUT") { Description = description };

    /// <summary>The file that is written.</summary>
    public static Argument<string> Output(string description) => new("OUTPUT") { Description = description };

    /// <summary>An option with a number and its default.</summary>
    public static Option<T> Number<T>(string name, string description, T otherwise) => new(name)
    {
        Description = description,
        HelpName = "NUMBER",
        DefaultValueFactory = _ => otherwise,
    };

    /// <summary>An option that is given or not.</summary>
    public static Option<bool> Flag(string name, string description) =>
        new(name) { Description = $"{description} [default: off]" };

    /// <summary>The size before anything else is done.</summary>
    public static Option<int?> Resolution() => new("--resolution")
    {
        Description = "Resize first: the shorter edge to this many pixels, both to multiples of 64; "
            + $"{ImageResize.MinResolution} to {ImageResize.MaxResolution}. [default: the size of the input]",
        HelpName = "PIXELS",
    };

    /// <summary>A picture in the resolution asked for.</summary>
    public static RgbImage Resized(RgbImage image, int? resolution) =>
        resolution is { } pixels ? ImageResize.ToResolution(image, pixels) : image;

    /// <summary>Checks the path of a result that is a PNG or floats.</summary>
    /// <returns>Whether floats are asked for.</returns>
    /// <exception cref="UsageException">It cannot be written, or ends in something else.</exception>
    public static bool AsksForFloats(string path)
    {
        bool floats = path.EndsWith(Tensors, StringComparison.OrdinalIgnoreCase);
        if (!floats && !path.EndsWith(Png, StringComparison.OrdinalIgnoreCase))
        {
            throw new UsageException($"OUTPUT '{path}' must end in {Png} or {Tensors}");
        }

        OutputPath.Check("OUTPUT", path, floats ? Tensors : Png);
        return floats;
    }

    /// <summary>Runs the work; a refusal names the option of the command line.</summary>
    public static T Worded<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (PreprocessingException e)
        {
            throw new UsageException(Translate(e.Message), e);
        }
    }

    /// <summary>Says what was written.</summary>
    public static Task<int> Done(string path, int width, int height, string? remark = null)
    {
        Console.Out.WriteLine($"{Path.GetFullPath(path)}: {width}x{height}{(remark is null ? "" : $", {remark}")}");
        return Task.FromResult(ExitCode.Success);
    }

    /// <summary>Options are called like the properties and parameters of the library: <c>CannyOptions.Low</c> is
    /// <c>--low</c>.</summary>
    private static string Translate(string message) => Property().Replace(
        message,
        match => "--" + Capital().Replace(match.Groups[1].Value, "-$0").TrimStart('-').ToLowerInvariant());

    [GeneratedRegex(@"(?<!['\w.])[A-Z]\w*\.(\w+)")]
    private static partial Regex Property();

    [GeneratedRegex("[A-Z]")]
    private static partial Regex Capital();
}
