using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;
using ControlNet.Native.Tensors.Cpu.Winograd;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Which algorithm convolves, and in which form a weight is kept for it.</content>
internal sealed unsafe partial class CpuConv2d
{
    /// <summary>
    /// Fewer input channels than these do not repay what Winograd's algorithm does with every input and every sum.
    /// </summary>
    internal const int FewestWinogradChannels = 16;

    /// <summary>Transforming a weight for one call costs about as much as its products with this many tiles.</summary>
    private const int TilesThatPayForTheWeight = 6;

    /// <summary>
    /// Images the products are counted for, whatever the batch is: an image gets the same bits alone and beside others.
    /// Guidance makes two of one.
    /// </summary>
    private const int CountedImages = 2;

    /// <summary>
    /// Best first. An entry refuses what it cannot do and, unless it is pinned, what another does faster.
    /// </summary>
    private static readonly Entry[] s_bestFirst =
    [
        new("winograd4", RefuseWinograd4, WinogradDriver.TemporaryBytes<WinogradF4>,
            static (self, in d, x, w, bias, row, added, y) =>
                self.Winograd<WinogradF4>(d, x, w, bias, row, added, y)),
        new("winograd2", RefuseWinograd2, WinogradDriver.TemporaryBytes<WinogradF2>,
            static (self, in d, x, w, bias, row, added, y) =>
                self.Winograd<WinogradF2>(d, x, w, bias, row, added, y)),
        new("direct", RefuseDirect, FrameBytes,
            static (self, in d, x, w, bias, row, added, y) => self.Direct(d, x, w, bias, row, added, y)),
    ];

    private delegate long Temporary(in Conv2dDims d);

    private delegate string? Refusal(in Conv2dDims d, bool pinned);

    private delegate void Runner(
        CpuConv2d self, in Conv2dDims d, BufferView x, BufferView packed, BufferView bias, BufferView addRow,
        BufferView addTensor, BufferView y);

    private sealed record Entry(string Name, Refusal Refuse, Temporary TemporaryBytes, Runner Run);

    /// <summary>Names of the list, best first.</summary>
    public static IEnumerable<string> Names => s_bestFirst.Select(static entry => entry.Name);

    /// <summary>Why an entry of the list does not take a call; null when it does.</summary>
    public static string? RefusalOf(string name, in Conv2dDims d, bool pinned = false) =>
        s_bestFirst.First(entry => entry.Name == name).Refuse(d, pinned);

    public Conv2dForm ChooseForm(int outChannels, int inChannels, int kernel, Conv2dUse? use)
    {
        if (use is not { } u || u.Growth == WeightGrowth.None || kernel != 3 || u.Stride != 1
            || inChannels < FewestWinogradChannels || pinned == "direct")
        {
            return Conv2dForm.Direct;
        }

        int smallest = u.Growth == WeightGrowth.Full ? 16 : 32;
        bool large = (long)u.Height * u.Width >= smallest * smallest;
        return pinned switch
        {
            "winograd4" => Conv2dForm.Winograd4,
            "winograd2" => Conv2dForm.Winograd2,
            _ => large ? Conv2dForm.Winograd4 : Conv2dForm.Winograd2,
        };
    }

    public long PackedCount(int outChannels, int inChannels, int kernel, Conv2dForm form) => form switch
    {
        Conv2dForm.Winograd4 => WinogradWeights.Count<WinogradF4>(outChannels, inChannels),
        Conv2dForm.Winograd2 => WinogradWeights.Count<WinogradF2>(outChannels, inChannels),
        _ => GemmPack.Count(checked((long)inChannels * kernel * kernel), outChannels),
    };

    public void Pack(
        int outChannels, int inChannels, int kernel, BufferView weight, BufferView packed, Conv2dForm form)
    {
        switch (form)
        {
            case Conv2dForm.Winograd4:
                WinogradWeights.Pack<WinogradF4>(
                    team, memory, outChannels, inChannels, weight.Type, weight.Address, packed.Floats);
                break;
            case Conv2dForm.Winograd2:
                WinogradWeights.Pack<WinogradF2>(
                    team, memory, outChannels, inChannels, weight.Type, weight.Address, packed.Floats);
                break;
            default:
                GemmPack.Weights(
                    team, outChannels, inChannels, kernel * kernel, weight.Type, weight.Address, packed.Type,
                    packed.Address);
                break;
        }
    }

    public void Forward(
        in Conv2dDims d, BufferView x, BufferView packed, BufferView bias, BufferView addRow, BufferView addTensor,
        BufferView y) => Choose(d).Run(this, d, x, packed, bias, addRow, addTensor, y);

    /// <summary>Bytes a call takes beyond its tensors, for as long as it runs.</summary>
    public long TemporaryBytes(in Conv2dDims d) => Choose(d).TemporaryBytes(d);

    private Entry Choose(in Conv2dDims d)
    {
        foreach (Entry entry in s_bestFirst)
        {
            if (entry.Name == pinned && entry.Refuse(d, pinned: true) is null)
            {
                return entry;
            }
        }

        foreach (Entry entry in s_bestFirst)
        {
            if (entry.Refuse(d, pinned: false) is null)
            {
                return entry;
            }
        }

        throw new InvalidOperationException($"no entry of the list takes {d}");
    }

    private static string? RefuseWinograd4(in Conv2dDims d, bool pinned) => d.Form switch
    {
        Conv2dForm.Winograd4 => null,
        Conv2dForm.Winograd2 => "the weight is transformed for F(2x2)",
        _ => RefuseWinograd(d) ?? RefuseSmall<WinogradF4>(d, pinned) ?? RefuseWaste(d, pinned),
    };

    /// <summary>Refuses F(4x4) where F(2x2) takes fewer products.</summary>
    private static string? RefuseWaste(in Conv2dDims d, bool pinned)
    {
        long four = ProductsOf<WinogradF4>(d), two = ProductsOf<WinogradF2>(d);
        return pinned || four <= two
            ? null
            : $"{four} products for a weight, its transform included, are more than the {two} of F(2x2)";
    }

    private static string? RefuseWinograd2(in Conv2dDims d, bool pinned) => d.Form switch
    {
        Conv2dForm.Winograd2 => null,
        Conv2dForm.Winograd4 => "the weight is transformed for F(4x4)",
        _ => RefuseWinograd(d) ?? RefuseSmall<WinogradF2>(d, pinned),
    };

    private static string? RefuseDirect(in Conv2dDims d, bool pinned) =>
        d.Form == Conv2dForm.Direct ? null : "the weight is transformed for Winograd's algorithm";

    private static string? RefuseWinograd(in Conv2dDims d) =>
        d.Kernel != 3 ? $"the kernel is {d.Kernel}x{d.Kernel}, not 3x3"
        : d.Stride != 1 ? $"the stride is {d.Stride}, not 1"
        : null;

    private static string? RefuseSmall<TAlgorithm>(in Conv2dDims d, bool pinned)
        where TAlgorithm : struct, IWinograd
    {
        long direct = 9L * CountedImages * d.OutHeight * d.OutWidth, mine = ProductsOf<TAlgorithm>(d);
        return pinned ? null
            : d.In < FewestWinogradChannels ? $"{d.In} channels are fewer than {FewestWinogradChannels}"
            : mine < direct ? null
            : $"{mine} products for a weight, its transform included, are not fewer than the {direct} of direct";
    }

    /// <summary>
    /// Products of one weight with all tiles of <see cref="CountedImages"/>, those that its transform costs included.
    /// </summary>
    private static long ProductsOf<TAlgorithm>(in Conv2dDims d)
        where TAlgorithm : struct, IWinograd
    {
        int tile = TAlgorithm.Tile, edge = tile + 2;
        long down = (d.OutHeight + tile - 1) / tile, across = (d.OutWidth + tile - 1) / tile;
        return edge * edge * ((CountedImages * down * across) + TilesThatPayForTheWeight);
    }

    private void Winograd<TAlgorithm>(
        in Conv2dDims d, BufferView x, BufferView packed, BufferView bias, BufferView addRow, BufferView addTensor,
        BufferView y)
        where TAlgorithm : struct, IWinograd
    {
        WinogradProblem problem = new()
        {
            Dims = d,
            X = x.Floats,
            Y = y.Floats,
            Weights = packed.Address,
            WeightType = packed.Type,
            Transformed = d.Form != Conv2dForm.Direct,
            Epilogue = EpilogueOf(d, bias, addRow, addTensor),
        };
        WinogradDriver.Run<TAlgorithm>(team, memory, problem);
    }
}
