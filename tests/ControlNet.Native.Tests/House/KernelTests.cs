using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.House;

/// <summary>What launchers ask for, what the kernels are and what was compiled of them belong together.</summary>
public sealed class KernelTests
{
    private static string Folder => Path.Combine(Repository.Root, "kernels");

    /// <summary>Every variant a family of kernels keeps in a field, as for a GPU.</summary>
    private static KernelVariant[] Variants
    {
        get
        {
            CountingGpu gpu = new(1 << 20);
            using GpuMemory memory = new(gpu);
            GpuAttention attention = new(new GpuLauncher(gpu, memory));
            return
            [
                .. typeof(GpuBackend).Assembly.GetTypes()
                    .Where(type => type.Namespace == typeof(GpuBackend).Namespace && !type.ContainsGenericParameters)
                    .SelectMany(type => VariantsOf(type, BindingFlags.Static, null)),
                .. VariantsOf(typeof(GpuAttention), BindingFlags.Instance, attention),
            ];
        }
    }

    [Fact]
    public void The_list_of_modules_is_what_is_launched()
    {
        IEnumerable<string> listed = File.ReadAllLines(Path.Combine(Folder, "modules.txt"))
            .Where(line => line.Length > 0 && line[0] != '#');
        Assert.Equal(
            Variants.Select(variant => variant.Module).Distinct().Order(StringComparer.Ordinal),
            listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_variant_has_a_kernel_with_its_block()
    {
        Dictionary<string, GridSize> blocks = KernelSignature.All().ToDictionary(
            kernel => $"{kernel.File} {kernel.Entry}", kernel => kernel.Block, StringComparer.Ordinal);
        Assert.All(Variants, variant => Assert.Equal(variant.Block, blocks[$"{variant.File} {variant.Entry}"]));
        Assert.Empty(blocks.Keys.Except(Variants.Select(variant => $"{variant.File} {variant.Entry}")));
        // OpenCL's devices have 256 threads; CUDA's have 1024.
        Assert.All(blocks, pair => Assert.InRange(
            pair.Value.Count, 1, pair.Key.StartsWith("nv/", StringComparison.Ordinal) ? 1024 : 256));
    }

    [Fact]
    public void Every_variant_has_its_ptx()
    {
        Assert.All(Variants, variant =>
        {
            byte[] ptx = KernelSource.Ptx(variant, compute: 90) ??
                throw new FileNotFoundException(KernelSource.PtxName(variant));
            string text = System.Text.Encoding.UTF8.GetString(ptx);
            Assert.StartsWith($"// {variant.Module}\n", text, StringComparison.Ordinal);
            Assert.Contains($".entry {variant.Entry}(", text, StringComparison.Ordinal);
        });
    }

    /// <summary>As clang counts: names of a kernel's arrays are <c>_ZZ</c>, a length, its name and theirs.</summary>
    [Fact]
    public void Every_kernel_keeps_to_its_local_memory()
    {
        // OpenCL's devices have 32 KiB; CUDA's give a block 48 KiB without being asked.
        int largest = LargestArrays(Path.Combine(Folder, "ptx"), 32 << 10);
        Assert.InRange(largest, 16 << 10, 32 << 10);
        Assert.InRange(LargestArrays(Path.Combine(Folder, "ptx", "nv"), 48 << 10), largest, 48 << 10);
    }

    private static int LargestArrays(string folder, int limitBytes)
    {
        Regex array = new(@"\.shared \.align \d+ \.b8 _ZZ(?<length>\d+)(?<name>\w+)\[(?<bytes>\d+)\];");
        int largest = 0;
        foreach (string file in Directory.EnumerateFiles(folder, "*.ptx"))
        {
            foreach (IGrouping<string, int> kernel in array.Matches(File.ReadAllText(file)).GroupBy(
                match => match.Groups["name"].Value[..Number(match, "length")], match => Number(match, "bytes")))
            {
                largest = Math.Max(largest, kernel.Sum());
                Assert.True(kernel.Sum() <= limitBytes, $"{kernel.Key} of {file} has {kernel.Sum()} bytes");
            }
        }

        return largest;
    }

    private static int Number(Match match, string group) =>
        int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    private static IEnumerable<KernelVariant> VariantsOf(Type type, BindingFlags flags, object? instance) =>
        type.GetFields(flags | BindingFlags.NonPublic | BindingFlags.Public).SelectMany(field =>
            field.FieldType == typeof(KernelVariant) ? [(KernelVariant)field.GetValue(instance)!]
            : field.FieldType == typeof(KernelVariant[]) ? (KernelVariant[])field.GetValue(instance)!
            : (IEnumerable<KernelVariant>)[]);

    [Fact]
    public void Lines_of_kernels_fit_the_page()
    {
        IEnumerable<string> files = Directory.EnumerateFiles(Folder, "*.c", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Folder, "*.h", SearchOption.AllDirectories));
        Assert.All(files, file => Assert.All(File.ReadAllLines(file), line => Assert.InRange(line.Length, 0, 120)));
    }
}
