using System;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Models;
using ControlNet.Native.Text;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

/// <summary>Prompts are dropped each for itself.</summary>
public sealed class PromptDropTests
{
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0.5, 420, 580)]
    [InlineData(1, 1000, 1000)]
    public void As_often_as_asked_for(double probability, int least, int most)
    {
        bool[] dropped = Dropped(probability);
        Assert.InRange(dropped.Count(d => d), least, most);
        Assert.Equal(dropped, Dropped(probability));
        if (probability == 0.5)
        {
            // Not batch by batch: within batches of four both happen.
            Assert.InRange(dropped.Chunk(4).Count(batch => batch.Distinct().Count() == 2), 190, 250);
        }
    }

    private static bool[] Dropped(double probability)
    {
        using Device device = Devices.Cpu(1);
        using ClipTextModel text = TinyModels.Clip(device);
        ClipTokenizer tokenizer = ClipTokenizer.Load(System.IO.Path.Combine(TrainingSandbox.Base, "tokenizer"));
        PromptSource prompts = new(tokenizer, text, new TrainingRandom(3), probability, caches: false);
        RgbImage image = new(8, 8, new byte[192]);
        TrainingBatch batch = new(
            [.. Enumerable.Repeat(new TrainingSample(image, null, "red circle"), 1000)], new int[1000], 77);
        int[] empty = [.. tokenizer.EncodePrompt("", out _)];
        return [.. prompts.Tokens(batch).Select(tokens => tokens.SequenceEqual(empty))];
    }
}
