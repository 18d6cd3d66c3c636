using System;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;
using ControlNet.Native.Tensors.Cpu.Winograd;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Which algorithm convolves.</content>
internal sealed unsafe partial class CpuConv2d
{
    private static readonly (string Name, Func<Conv2dDims, bool, string?> Refuse, Runner Run)[] s_bestFirst =
    [
        ("winograd4", RefuseWinograd4, static (self, in d, x, w, bias, row, added, y) =>
            self.Winograd<WinogradF4>(d, x, w, bias, row, added, y)),
        ("winograd2", RefuseWinograd2, static (self, in d, x, w, bias, row, added, y) =>
            self.Winograd<WinogradF2>(d, x, w, bias, row, added, y)),
        ("direct", RefuseDirect, static (self, in d, x, w, bias, row, added, y) =>
            self.Direct(d, x, w, bias, row, added, y)),
    ];

    private delegate void Runner(
        CpuConv2d self, in Conv2dDims d, BufferView x, BufferView packed, BufferView bias, BufferView addRow,
        BufferView addTensor, BufferView y);

    public Conv2dForm ChooseForm(int outChannels, int inChannels, int kernel, Conv2dUse? use)
    {
        if (use is not { } u || u.Growth == WeightGrowth.None || kernel != 3 || u.Stride != 1)
        {
            return Conv2dForm.Direct;
        }

        return (long)u.Height * u.Width >= (u.Growth == WeightGrowth.Full ? 256 : 1024)
            ? Conv2dForm.Winograd4
            : Conv2dForm.Winograd2;
    }

    public long PackedCount(int outChannels, int inChannels, int kernel, Conv2dForm form) => form switch
    {
        Conv2dForm.Winograd4 => WinogradDriver.PackedCount<WinogradF4>(outChannels, inChannels),
        Conv2dForm.Winograd2 => WinogradDriver.PackedCount<WinogradF2>(outChannels, inChannels),
        _ => GemmPack.Count(checked((long)inChannels * kernel * kernel), outChannels),
    };

    public void Pack(
        int outChannels, int inChannels, int kernel, BufferView weight, BufferView packed, Conv2dForm form)
    {
        switch (form)
        {
            case Conv2dForm.Winograd4:
                WinogradDriver.Pack<WinogradF4>(
                    team, memory, outChannels, inChannels, weight.Type, weight.Address, packed.Floats);
                break;
            case Conv2dForm.Winograd2:
                WinogradDriver.Pack<WinogradF2>(
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
        BufferView y)
    {
        foreach ((string name, Func<Conv2dDims, bool, string?> refuse, Runner run) in s_bestFirst)
        {
            if (name == pinned && refuse(d, true) is null)
            {
                run(this, d, x, packed, bias, addRow, addTensor, y);
                return;
            }
        }

        foreach ((_, Func<Conv2dDims, bool, string?> refuse, Runner run) in s_bestFirst)
        {
            if (refuse(d, false) is null)
            {
                run(this, d, x, packed, bias, addRow, addTensor, y);
                return;
            }
        }

        throw new InvalidOperationException("one entry of the list takes each form of weight");
    }

    private static string? RefuseWinograd4(Conv2dDims d, bool pinned) => d.Form switch
    {
        Conv2dForm.Winograd4 => null,
        Conv2dForm.Winograd2 => "the weight is kept for F(2x2)",
        _ => RefuseWinograd(d),
    };

    private static string? RefuseWinograd2(Conv2dDims d, bool pinned) => d.Form switch
    {
        Conv2dForm.Winograd2 => null,
        Conv2dForm.Winograd4 => "the weight is kept for F(4x4)",
        _ => RefuseWinograd(d),
    };

    private static string? RefuseWinograd(in Conv2dDims d) =>
        d.Kernel != 3 ? "the kernel is not 3x3"
        : d.Stride != 1 ? "the stride is not 1"
        : null;

    private static string? RefuseDirect(Conv2dDims d, bool pinned) =>
        d.Form == Conv2dForm.Direct ? null : "the weight is kept in transformed form";

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
