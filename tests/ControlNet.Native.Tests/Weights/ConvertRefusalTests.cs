using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Pipeline;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.WeightTests;

/// <summary>What is not converted, and that nothing half written is ever seen under the name of an output.</summary>
public sealed class ConvertRefusalTests : IDisposable
{
    private static readonly string s_canny = Repository.Golden("models", "controlnet-tiny-canny");
    private static readonly string s_sd1 = Repository.Golden("models", "sd1-tiny");

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_output_that_exists_is_replaced_only_when_asked_for_and_only_if_it_is_a_model()
    {
        string file = _folder.Path("a.safetensors"), folder = _folder.Path("a");
        CheckpointConverter.Convert(s_canny, file);
        CheckpointConverter.Convert(s_canny, folder);
        AssertRefused(file, null, "*a.safetensors: exists; name another, or set Overwrite (--force) to replace it");
        AssertRefused(folder, null, "*a: exists; name another, or set Overwrite (--force) to replace it");
        ConvertOptions halves = new() { Overwrite = true, Type = DType.F16 };
        CheckpointConverter.Convert(s_canny, file, halves);
        CheckpointConverter.Convert(s_canny, folder, halves);
        Assert.All(TensorSet.Read(file).Values, tensor => Assert.Equal("F16", tensor.Type));
        Assert.Equal(
            ["a", "a.safetensors", "a/config.json", "a/diffusion_pytorch_model.safetensors"],
            TensorSet.Listing(_folder.Root));

        File.WriteAllText(_folder.Path("notes", "a.txt"), "mine");
        AssertRefused(
            Path.Combine(_folder.Root, "notes"), halves,
            "*notes: holds something other than a model and is not replaced; name another folder");
        Assert.Equal("mine", File.ReadAllText(_folder.Path("notes", "a.txt")));

        Directory.CreateDirectory(Path.Combine(_folder.Root, "empty"));
        CheckpointConverter.Convert(s_canny, Path.Combine(_folder.Root, "empty"));
    }

    [Fact]
    public void Places_where_nothing_can_be_written()
    {
        string source = _folder.Path("in.safetensors");
        CheckpointConverter.Convert(s_canny, source);
        Directory.CreateDirectory(_folder.Path("b.safetensors"));
        AssertRefused(
            Path.Combine(_folder.Root, "no", "a"), null, "*a: cannot be written: there is no folder '*no'");
        AssertRefused(
            Path.Combine(_folder.Root, "b.safetensors"), null,
            "*b.safetensors: is a folder, but a name that ends in .safetensors is a file; name another");
        File.WriteAllText(_folder.Path("file"), "mine");
        AssertRefused(
            Path.Combine(_folder.Root, "file"), null,
            "*file: is a file, but a name that does not end in .safetensors is a folder; name another");
        ConvertOptions overwrite = new() { Overwrite = true };
        AssertRefused(source, overwrite, "*in.safetensors: is read from while it would be written (*", source);
        AssertRefused(Path.Combine(s_canny, "out"), null, "*out: is read from while it would be written (*");
        AssertRefused(
            _folder.Root, overwrite, "*: is read from while it would be written (*", source);
    }

    [Fact]
    public void Options_that_contradict_each_other()
    {
        string path = Path.Combine(_folder.Root, "out");
        AssertRefused(path, new() { Type = DType.I32 }, "the type is I32, but must be F32, F16 or BF16");
        AssertRefused(
            path, new() { TransferTo = s_sd1 },
            "a transfer needs both bases, the old and the new one; name the other");
        AssertRefused(
            path, new() { TransferFrom = s_sd1, TransferTo = s_sd1, Only = ModelPart.Vae },
            "a transfer writes the ControlNet alone; leave the other part out");
        AssertRefused(path, new() { Only = (ModelPart)7 }, "there is no part 7");
        Assert.Matches(
            Wildcard.Pattern("*controlnet-tiny-canny: has no UNet, it holds ControlNet"),
            Assert.Throws<CheckpointException>(() =>
                CheckpointConverter.Convert(s_canny, path, new() { Only = ModelPart.Unet })).Message);
        Directory.CreateDirectory(Path.Combine(_folder.Root, "words"));
        Assert.Matches(
            Wildcard.Pattern("*words: has no vocab.json; name a folder with vocab.json and merges.txt"),
            Assert.Throws<ConversionException>(() => CheckpointConverter.Convert(
                s_sd1, path, new() { Tokenizer = Path.Combine(_folder.Root, "words") })).Message);
        Assert.Equal(["words"], TensorSet.Listing(_folder.Root));
    }

    [Theory]
    [InlineData("out.safetensors", 1)]
    [InlineData("out.safetensors", 600)]
    [InlineData("out", 1)]
    [InlineData("out", 600)]
    [InlineData("out", 1001)]
    public void A_cancelled_conversion_leaves_what_was_there(string name, int tensors)
    {
        string path = Path.Combine(_folder.Root, name);
        using CancellationTokenSource source = new();
        Assert.ThrowsAny<OperationCanceledException>(() => CheckpointConverter.Convert(
            s_sd1, path, null, CancelAfter(tensors, source), source.Token));
        Assert.Empty(TensorSet.Listing(_folder.Root));

        CheckpointConverter.Convert(s_sd1, path, new() { Type = DType.F16 });
        string[] before = [.. TensorSet.Listing(_folder.Root).Select(entry => $"{entry} {Checksum(entry)}")];
        using CancellationTokenSource second = new();
        Assert.ThrowsAny<OperationCanceledException>(() => CheckpointConverter.Convert(
            s_sd1, path, new() { Overwrite = true }, CancelAfter(tensors, second), second.Token));
        Assert.Equal(before, TensorSet.Listing(_folder.Root).Select(entry => $"{entry} {Checksum(entry)}"));
    }

    [Theory]
    [InlineData("out.safetensors")]
    [InlineData("out")]
    public void Nothing_is_seen_under_the_name_before_all_is_written(string name)
    {
        // So a process that is killed at any of these moments leaves no output, or the old one.
        string path = Path.Combine(_folder.Root, name);
        List<LoadProgress> reports = [];
        CheckpointConverter.Convert(s_sd1, path, null, new Reports<LoadProgress>(progress =>
        {
            Assert.False(Path.Exists(path));
            reports.Add(progress);
        }));
        Assert.True(Path.Exists(path));
        Assert.Equal(name == "out" ? 1001 : 1003, reports.Count);
        Assert.Equal(reports[^1].BytesTotal, reports[^1].BytesRead);
        Assert.Equal(reports.OrderBy(progress => progress.BytesRead), reports);
    }

    private static Reports<LoadProgress> CancelAfter(int tensors, CancellationTokenSource source)
    {
        int count = 0;
        return new Reports<LoadProgress>(_ =>
        {
            if (++count == tensors)
            {
                source.Cancel();
            }
        });
    }

    private string Checksum(string entry)
    {
        string path = Path.Combine(_folder.Root, entry);
        return File.Exists(path)
            ? System.Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path)))
            : string.Empty;
    }

    private void AssertRefused(string path, ConvertOptions? options, string message, string? source = null)
    {
        string[] before = TensorSet.Listing(_folder.Root);
        ConversionException refused = Assert.Throws<ConversionException>(
            () => CheckpointConverter.Convert(source ?? s_canny, path, options));
        Assert.Matches(Wildcard.Pattern(message), refused.Message);
        Assert.Equal(before, TensorSet.Listing(_folder.Root));
    }
}
