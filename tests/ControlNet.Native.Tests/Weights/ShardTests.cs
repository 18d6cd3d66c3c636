using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.WeightTests;

public sealed class ShardTests : IDisposable
{
    private const string Index = "diffusion_pytorch_model.safetensors.index.json";

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Writes the tiny VAE in two shards, with the index given or the right one.</summary>
    private void Split(Func<string, string>? shardName = null)
    {
        using SafeTensorsFile whole = SafeTensorsFile.Open(
            Repository.Golden("models", "sd1-tiny", "vae", "diffusion_pytorch_model.safetensors"));
        string[] names = [.. whole.Entries.Keys.Order(StringComparer.Ordinal)];
        Dictionary<string, string> map = [];
        (string, string[])[] parts = [("a.safetensors", names[..100]), ("b.safetensors", names[100..])];
        foreach ((string shard, string[] part) in parts)
        {
            SafeTensorsWriter.Write(
                Path.Combine(_folder, shard),
                part.Select(name => new SafeTensorsItem(
                    name, whole.Entries[name].DType, whole.Entries[name].Shape, () => whole.ReadAll(name))));
            foreach (string name in part)
            {
                map[name] = shardName?.Invoke(shard) ?? shard;
            }
        }

        IEnumerable<string> pairs = map.Select(pair => $"\"{pair.Key}\": \"{JsonEncodedText.Encode(pair.Value)}\"");
        File.WriteAllText(
            Path.Combine(_folder, Index), $$"""{"metadata": {}, "weight_map": { {{string.Join(",", pairs)}} } }""");
    }

    [Fact]
    public void A_split_model_is_the_whole_one()
    {
        Split();
        using Checkpoint split = Checkpoint.Open(_folder);
        using Checkpoint whole = Checkpoint.Open(Repository.Golden("models", "sd1-tiny", "vae"));
        Assert.Equal(whole.Vae!.Names.Order(StringComparer.Ordinal), split.Vae!.Names.Order(StringComparer.Ordinal));
        using Checkpoint byIndex = Checkpoint.Open(Path.Combine(_folder, Index));
        Assert.Equal(split.Vae.Names, byIndex.Vae!.Names);
    }

    [Theory]
    [InlineData("../a.safetensors")]
    [InlineData("/etc/a.safetensors")]
    [InlineData("sub/a.safetensors")]
    [InlineData("..\\a.safetensors")]
    [InlineData("C:a.safetensors")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("a.safetensors\u0000.bin")]
    public void A_shard_name_that_leaves_the_folder_is_refused(string name)
    {
        Split(_ => name);
        CheckpointException e = Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder));
        Assert.EndsWith(
            "; a shard is a plain .safetensors file name in the folder of the index", e.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_truncated_or_missing_shard_is_refused()
    {
        Split();
        string shard = Path.Combine(_folder, "b.safetensors");
        byte[] bytes = File.ReadAllBytes(shard);
        File.WriteAllBytes(shard, bytes[..^1]);
        Assert.EndsWith(
            "it is truncated by 1 bytes, download it again",
            Assert.Throws<SafeTensorsException>(() => Checkpoint.Open(_folder)).Message, StringComparison.Ordinal);
        File.Delete(shard);
        Assert.Throws<SafeTensorsException>(() => Checkpoint.Open(_folder));
    }

    [Theory]
    [InlineData("{}", "has no 'weight_map'; it is not the index of a split model")]
    [InlineData(
        """{"weight_map": {"x": "a.safetensors"}}""", "lists tensor 'x' in 'a.safetensors', which does not hold it")]
    [InlineData(
        """{"weight_map": {"x": 7}}""",
        "names shard 7; a shard is a plain .safetensors file name in the folder of the index")]
    [InlineData(
        """{"weight_map": {"x": "\ud800.safetensors"}}""",
        "a shard is a plain .safetensors file name in the folder of the index")]
    [InlineData("""{"weight_map": {"\ud800": "a.safetensors"}}""", "lists a tensor whose name is not valid text")]
    [InlineData("""{"weight_map": {}}""", "lists no tensors")]
    [InlineData("[1]", "is a JSON Array, not an object")]
    public void A_bad_index_is_refused(string json, string message)
    {
        Split();
        File.WriteAllText(Path.Combine(_folder, Index), json);
        Assert.EndsWith(
            message, Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder)).Message,
            StringComparison.Ordinal);
    }
}
