using System;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;

namespace ControlNet.Native;

/// <summary>
/// What a ControlNet reads: a picture of 8 bits, or floats of any number of channels, row by row from the top left.
/// Immutable; may be shared between threads, requests and nets. A net remembers what it made of the hints of its last
/// request, so that using one instance again saves encoding it.
/// </summary>
public sealed partial class ControlHint
{
    private readonly RgbImage? _image; // of these two one is set
    private readonly float[] _values = []; // [Height, Width, Channels]

    private ControlHint(RgbImage image)
    {
        _image = image;
        (Width, Height, Channels) = (image.Width, image.Height, 3);
    }

    /// <summary>Keeps the array.</summary>
    private ControlHint(float[] values, int width, int height, int channels)
    {
        _values = values;
        (Width, Height, Channels) = (width, height, channels);
    }

    /// <summary>Pixels of a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Values of a pixel: 3 for a picture.</summary>
    public int Channels { get; }

    /// <summary>A picture, read as red, green, blue in [0, 1].</summary>
    public static ControlHint FromRgbImage(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return new ControlHint(image);
    }

    /// <summary>As <see cref="FromRgbImage"/>.</summary>
    public static implicit operator ControlHint(RgbImage image) => FromRgbImage(image);

    /// <summary>Copies floats: what the net is to see, value for value.</summary>
    /// <param name="values">
    /// Exactly <c>height * width * channels</c> finite numbers, <c>[height, width, channels]</c>; in [0, 1] for most
    /// nets, -1 where an inpainting net is to fill in.
    /// </param>
    /// <param name="width">Pixels of a row, from 1.</param>
    /// <param name="height">Rows, from 1.</param>
    /// <param name="channels">Values of a pixel, from 1; as many as the net reads.</param>
    /// <exception cref="ShapeException">The sizes do not fit together.</exception>
    /// <exception cref="RequestException">A value is no finite number.</exception>
    public static ControlHint FromFloats(ReadOnlySpan<float> values, int width, int height, int channels)
    {
        const string method = $"{nameof(ControlHint)}.{nameof(FromFloats)}";
        CheckSize(method, nameof(values), values.Length, width, height, channels);
        CheckFinite(method, nameof(values), values);
        return new ControlHint(values.ToArray(), width, height, channels);
    }

    /// <summary>The values, <c>[Height, Width, Channels]</c>; those of a picture in [0, 1].</summary>
    public float[] ToFloats() => _image?.ToFloats(PixelRange.ZeroToOne) ?? (float[])_values.Clone();

    /// <summary>
    /// The same hint with other channels: reordered (blue, green, red), repeated (one for three), or turned over (a
    /// depth that is white where it is far, a normal whose red points the other way).
    /// </summary>
    /// <param name="channels">Where each channel of the result comes from, at least one.</param>
    /// <exception cref="RequestException">There are none, or one comes from a channel that is not there.</exception>
    public ControlHint WithChannels(params ReadOnlySpan<HintChannel> channels)
    {
        if (channels.Length == 0)
        {
            throw new RequestException("a hint needs at least one channel, got none");
        }

        foreach (HintChannel channel in channels)
        {
            if (channel.Index < 0 || channel.Index >= Channels)
            {
                throw new RequestException(
                    $"a channel is to come from channel {channel.Index}, but the hint has {Channels}: 0 to " +
                    $"{Channels - 1}");
            }
        }

        float[] source = _image?.ToFloats(PixelRange.ZeroToOne) ?? _values;
        float[] values = new float[checked(Width * Height * channels.Length)];
        for (int i = 0; i < values.Length; i++)
        {
            HintChannel channel = channels[i % channels.Length];
            float value = source[(i / channels.Length * Channels) + channel.Index];
            values[i] = channel.Inverted ? 1f - value : value;
        }

        return new ControlHint(values, Width, Height, channels.Length);
    }

    /// <summary>Writes size and kind, for example <c>512 x 384, 3 channels of 8 bits</c>.</summary>
    public override string ToString() => _image is not null
        ? $"{Width} x {Height}, {Channels} channels of 8 bits"
        : $"{Width} x {Height}, {Channels} channel{(Channels == 1 ? "" : "s")} of floats";

    /// <summary>The values at another size, <c>[height, width, Channels]</c>.</summary>
    /// <remarks>
    /// Pictures are resampled to 8 bits, as <see cref="RgbImage.Resize"/> does; floats likewise, but without rounding,
    /// and no channel leaves the range it had.
    /// </remarks>
    internal float[] At(int width, int height, HintResize resize)
    {
        if (width == Width && height == Height)
        {
            return ToFloats();
        }

        ImagePlacement fit = FitOf(resize, Width, Height, width, height);
        if (_image is not null)
        {
            byte[] pixels = new byte[checked(width * height * Channels)];
            Fill(pixels, resize, EdgeMedian.Of(_image.Pixels, Width, Height, Channels));
            ImageResampler.Resize(_image, fit, width, height, pixels);
            return RgbImage.Own(width, height, pixels).ToFloats(PixelRange.ZeroToOne);
        }

        float[] frame = new float[checked(width * height * Channels)];
        Fill(frame, resize, EdgeMedian.Of<float>(_values, Width, Height, Channels));
        ImageResampler.Resize(_values, Width, Height, Channels, fit, width, height, frame);
        ClampToRange(frame);
        return frame;
    }

    /// <summary>Where a hint of one size, or its mask, lands in a result of another.</summary>
    internal static ImagePlacement FitOf(HintResize resize, int sourceWidth, int sourceHeight, int width, int height) =>
        resize switch
        {
            HintResize.Crop => ImagePlacement.Cover(sourceWidth, sourceHeight, width, height),
            HintResize.Fill => ImagePlacement.Contain(sourceWidth, sourceHeight, width, height),
            _ => ImagePlacement.Stretch(width, height),
        };

    /// <summary>Checks the extents of an array that stands for pixels.</summary>
    /// <exception cref="ShapeException">They do not fit together.</exception>
    internal static void CheckSize(string method, string name, int length, int width, int height, int channels)
    {
        if (width <= 0 || height <= 0 || channels <= 0 || (long)width * height > RgbImage.MaxPixels)
        {
            throw new ShapeException(
                $"{method}: [{height}, {width}, {channels}] (height, width, channels), but each must be at least 1 " +
                $"and the pixels at most {RgbImage.MaxPixels}");
        }

        long needed = (long)width * height * channels;
        if (length != needed)
        {
            throw new ShapeException(
                $"{method}: [{height}, {width}, {channels}] (height, width, channels) are {needed} values, " +
                $"{name} has {length}");
        }
    }

    /// <summary>Refuses what is no finite number.</summary>
    /// <exception cref="RequestException">A value is infinite or not a number.</exception>
    internal static void CheckFinite(string method, string name, ReadOnlySpan<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                throw new RequestException(FormattableString.Invariant(
                    $"{method}: {name}[{i}] is {values[i]}, but must be a finite number"));
            }
        }
    }

    private static void Fill<T>(T[] frame, HintResize resize, T[] pixel)
    {
        for (int i = 0; resize == HintResize.Fill && i < frame.Length; i++)
        {
            frame[i] = pixel[i % pixel.Length];
        }
    }

    private void ClampToRange(float[] frame)
    {
        (float[] low, float[] high) = (_values[..Channels], _values[..Channels]);
        for (int i = Channels; i < _values.Length; i++)
        {
            int c = i % Channels;
            (low[c], high[c]) = (Math.Min(low[c], _values[i]), Math.Max(high[c], _values[i]));
        }

        for (int i = 0; i < frame.Length; i++)
        {
            frame[i] = Math.Clamp(frame[i], low[i % Channels], high[i % Channels]);
        }
    }
}
