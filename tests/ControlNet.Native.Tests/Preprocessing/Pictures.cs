using System;
using System.Linq;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Tests.Preprocessing;

/// <summary>Pictures for tests, reproducible from a generator.</summary>
internal static class Pictures
{
    /// <summary>Of 1 to 40 pixels an edge: noise, waves, or flat shapes.</summary>
    public static RgbImage Any(Random random)
    {
        int width = random.Next(1, 41), height = random.Next(1, 41);
        return random.Next(3) switch
        {
            0 => Noise(random, width, height),
            1 => Smooth(random, width, height),
            _ => Blocks(random, width, height),
        };
    }

    /// <summary>Every byte at random.</summary>
    public static RgbImage Noise(Random random, int width, int height)
    {
        byte[] rgb = new byte[width * height * 3];
        random.NextBytes(rgb);
        return new RgbImage(width, height, rgb);
    }

    /// <summary>Waves in every channel, of other lengths and directions.</summary>
    public static RgbImage Smooth(Random random, int width, int height)
    {
        (double X, double Y, double Phase)[] waves =
        [
            .. Enumerable.Range(0, 3).Select(_ => (random.NextDouble(), random.NextDouble(), random.NextDouble() * 6)),
        ];
        byte[] rgb = new byte[width * height * 3];
        for (int i = 0; i < rgb.Length; i++)
        {
            (double x, double y, double phase) = waves[i % 3];
            int pixel = i / 3;
            rgb[i] = (byte)(127.5 + (127 * Math.Sin((pixel % width * x) + (pixel / width * y) + phase)));
        }

        return new RgbImage(width, height, rgb);
    }

    /// <summary>Rectangles of one colour: many equal gradients.</summary>
    private static RgbImage Blocks(Random random, int width, int height)
    {
        byte[] rgb = new byte[width * height * 3];
        for (int block = 0; block < 6; block++)
        {
            int left = random.Next(width), top = random.Next(height);
            int right = random.Next(left, width), bottom = random.Next(top, height);
            byte[] colour = [(byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256)];
            for (int y = top; y <= bottom; y++)
            {
                for (int x = left; x <= right; x++)
                {
                    colour.CopyTo(rgb, 3 * ((y * width) + x));
                }
            }
        }

        return new RgbImage(width, height, rgb);
    }
}
