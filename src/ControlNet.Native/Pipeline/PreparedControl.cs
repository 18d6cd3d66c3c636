using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;

namespace ControlNet.Native;

/// <summary>What a control needs in every call of the sampler: its hint encoded, its mask at every size.</summary>
internal sealed class PreparedControl : IDisposable
{
    private readonly Tensor[] _masks; // one for each residual, those of one size the same
    private readonly float[]? _factors;

    /// <summary>Encodes the hint, unless the net still has it.</summary>
    /// <param name="control">The control; hint and mask are brought to the size of the result.</param>
    /// <param name="width">Width of the result, in pixels.</param>
    /// <param name="height">Its height.</param>
    public PreparedControl(ControlInput control, int width, int height)
    {
        using TensorScope scope = TensorScope.Enter();
        _factors = control.Factors();
        ControlNetModel net = control.Net;
        HintKey key = KeyOf(control, width, height);
        Tensor? kept = net.KeptHints?.Find(key);
        Features = kept?.Rows(0, 1) ?? Encode(control, width, height);
        if (kept is null)
        {
            net.KeptHints?.Add(key, Features.Rows(0, 1).Detach());
        }

        _masks = control.Mask is { } mask
            ? Masks(mask, control.Resize, net, Features.Shape, width, height)
            : [];
        Features.Detach();
        foreach (Tensor tensor in _masks)
        {
            tensor.Detach();
        }
    }

    /// <summary>
    /// What the net made of the hint, <c>[1, H / 8, W / 8, C]</c>: a view of its own, whatever the net forgets.
    /// </summary>
    public Tensor Features { get; }

    /// <summary>What a net calls the encoded hint of a control.</summary>
    public static HintKey KeyOf(ControlInput control, int width, int height) =>
        new(control.Image, width, height, (int)control.Resize);

    /// <summary>
    /// The residuals with their scales, where the mask lets them through; the given ones are freed unless they are the
    /// result.
    /// </summary>
    public ControlResiduals Weighed(ControlResiduals residuals)
    {
        ControlResiduals scaled = _factors is null ? residuals : Replaced(residuals, all => all.Scaled(_factors));
        return _masks.Length == 0 ? scaled : Replaced(scaled, all => all.Masked(_masks));
    }

    /// <summary>Frees it, but for what the net keeps.</summary>
    public void Dispose()
    {
        foreach (Tensor mask in _masks)
        {
            mask.Dispose();
        }

        Features.Dispose();
    }

    private static ControlResiduals Replaced(ControlResiduals old, Func<ControlResiduals, ControlResiduals> by)
    {
        using (old)
        {
            return by(old);
        }
    }

    private static Tensor Encode(ControlInput control, int width, int height)
    {
        Shape shape = new(1, height, width, control.Image.Channels);
        Tensor hint = Tensor.From(control.Net.Device, shape, control.Image.At(width, height, control.Resize));
        return control.Net.EncodeHint(hint);
    }

    private static Tensor[] Masks(
        ControlMask mask, HintResize resize, ControlNetModel net, Shape latents, int width, int height)
    {
        Dictionary<(int Rows, int Columns), Tensor> made = [];
        foreach ((int rows, int columns) in net.ResidualSizes(latents[1], latents[2]).Distinct())
        {
            Shape shape = new(1, rows, columns, 1);
            Tensor values = Tensor.From(net.Device, shape, mask.Averaged(resize, width, height, columns, rows));
            made.Add((rows, columns), net.Activations == DType.F32 ? values : Ops.Cast(values, net.Activations));
        }

        return [.. net.ResidualSizes(latents[1], latents[2]).Select(size => made[size])];
    }
}
