using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Imaging;

public sealed class ImageFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("images-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 17)]
    [InlineData(33, 1)]
    [InlineData(7, 5)]
    [InlineData(129, 67)]
    public void What_is_saved_is_loaded_bit_for_bit(int width, int height)
    {
        byte[] rgb = new byte[width * height * 3];
        new Random(width).NextBytes(rgb);
        rgb.AsSpan(0, rgb.Length / 2).Fill(200); // flat above, noise below: both kinds of filter are chosen
        string path = Path.Combine(_folder, "picture.png");

        new RgbImage(width, height, rgb).Save(path, [new PngText("k", "v")]);
        RgbImage loaded = RgbImage.Load(path);

        Assert.Equal((width, height), (loaded.Width, loaded.Height));
        Assert.Equal(rgb, loaded.Pixels.ToArray());
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Every_filter_is_chosen_where_it_fits_and_undone_exactly()
    {
        const int Width = 64, Height = 64;
        byte[] rgb = new byte[Width * Height * 3];
        Random random = new(5);
        for (int i = 0; i < rgb.Length; i++)
        {
            int x = i / 3 % Width, y = i / 3 / Width;
            int left = x > 0 ? rgb[i - 3] : 0, up = y > 0 ? rgb[i - 3 * Width] : 0;
            int noise = random.Next(4);
            rgb[i] = (byte)((y / 8 % 5) switch
            {
                0 => random.Next(2) * 128 * (x & 1), // none
                1 => left + 40 + noise,
                2 => up + 40 + noise,
                3 => (left + up) / 2 + noise,
                _ => left + up - (x > 0 && y > 0 ? rgb[i - 3 * Width - 3] : 0) + noise,
            });
        }

        Assert.Equal(rgb, RgbImage.Decode(new RgbImage(Width, Height, rgb).Encode(), "x.png").Pixels.ToArray());
    }

    [Fact]
    public void Saving_replaces_the_old_file()
    {
        string path = Path.Combine(_folder, "picture.png");
        File.WriteAllText(path, "old");

        new RgbImage(1, 1, [1, 2, 3]).Save(path);

        Assert.Equal([1, 2, 3], RgbImage.Load(path).Pixels.ToArray());
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void A_folder_that_does_not_exist_gives_a_typed_error()
    {
        string path = Path.Combine(_folder, "none", "picture.png");

        ImageFileException e = Assert.Throws<ImageFileException>(() => new RgbImage(1, 1, [1, 2, 3]).Save(path));

        Assert.IsAssignableFrom<EngineException>(e);
        Assert.EndsWith("; choose another folder or free space", e.Message, StringComparison.Ordinal);
        Assert.Contains("picture.png: cannot be written (", e.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void A_target_that_is_a_folder_gives_a_typed_error_and_leaves_no_file()
    {
        string path = Directory.CreateDirectory(Path.Combine(_folder, "picture.png")).FullName;

        Assert.Throws<ImageFileException>(() => new RgbImage(1, 1, [1, 2, 3]).Save(path));

        Assert.Equal([path], Directory.GetFileSystemEntries(_folder));
        Assert.Empty(Directory.GetFileSystemEntries(path));
    }

    [Fact]
    public void A_missing_file_gives_a_typed_error()
    {
        string path = Path.Combine(_folder, "none.png");

        ImageFileException e = Assert.Throws<ImageFileException>(() => RgbImage.Load(path));

        Assert.Equal($"{path}: no such file; check the path", e.Message);
    }

    [Fact]
    public void A_folder_and_an_impossible_path_give_typed_errors()
    {
        Assert.Throws<ImageFileException>(() => RgbImage.Load(_folder));
        Assert.Throws<ImageFileException>(() => RgbImage.Load("a\0b.png"));
        Assert.Throws<ImageFileException>(() => new RgbImage(1, 1, [1, 2, 3]).Save("a\0b.png"));
    }
}
