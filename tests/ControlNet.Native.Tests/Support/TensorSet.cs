using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Support;

/// <summary>Every tensor of a file by name, as bytes.</summary>
internal sealed class TensorSet : SortedDictionary<string, (string Type, long[] Shape, byte[] Bytes)>
{
    public TensorSet() : base(StringComparer.Ordinal)
    {
    }

    public static TensorSet Read(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        TensorSet set = [];
        foreach (SafeTensorsEntry entry in file.Entries.Values)
        {
            set.Add(entry.Name, (entry.DType, [.. entry.Shape], file.ReadAll(entry.Name)));
        }

        return set;
    }

    /// <summary>Writes the tensors that <paramref name="keep"/> wants; null wants all.</summary>
    public void Write(string path, Func<string, bool>? keep = null) => SafeTensorsWriter.Write(
        path,
        this.Where(tensor => keep is null || keep(tensor.Key)).Select(tensor => new SafeTensorsItem(
            tensor.Key, tensor.Value.Type, tensor.Value.Shape, () => tensor.Value.Bytes)));

    /// <summary>The elements of a tensor, widened.</summary>
    public float[] Floats(string name)
    {
        (string type, long[] shape, byte[] bytes) = this[name];
        float[] values = new float[shape.Aggregate(1L, (product, extent) => product * extent)];
        ElementConversion.Widen(type, bytes, values);
        return values;
    }

    /// <summary>Equal names, types, shapes and bytes.</summary>
    public static void AssertSame(TensorSet expected, TensorSet actual)
    {
        Assert.NotEmpty(expected);
        Assert.Equal(expected.Keys, actual.Keys);
        AssertHolds(expected, actual);
    }

    /// <summary>Every tensor of <paramref name="part"/> is one of <paramref name="whole"/>, bit for bit.</summary>
    public static void AssertHolds(TensorSet part, TensorSet whole)
    {
        Assert.NotEmpty(part);
        foreach ((string name, (string type, long[] shape, byte[] bytes)) in part)
        {
            Assert.True(whole.ContainsKey(name), $"'{name}' is missing");
            Assert.True(type == whole[name].Type, $"'{name}' is {whole[name].Type}, expected {type}");
            Assert.True(shape.SequenceEqual(whole[name].Shape), $"'{name}' has another shape");
            Assert.True(bytes.AsSpan().SequenceEqual(whole[name].Bytes), $"'{name}' has other bytes");
        }
    }

    /// <summary>Paths of everything in a folder, relative and sorted.</summary>
    public static string[] Listing(string folder) =>
    [
        .. Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/')).Order(StringComparer.Ordinal),
    ];
}
