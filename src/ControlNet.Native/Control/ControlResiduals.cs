using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;

namespace ControlNet.Native.Control;

/// <summary>
/// What a control network adds to a UNet: one image for each skip and one for the middle, 12 + 1 in Stable Diffusion.
/// Every method returns new residuals whose tensors belong to the caller's <see cref="TensorScope"/>, or to the caller.
/// </summary>
public sealed class ControlResiduals : ISkipResiduals, IDisposable
{
    /// <summary>Takes over the tensors.</summary>
    /// <param name="skips">One for each skip, <c>[N, H, W, C]</c>, or <c>[N, 1, 1, C]</c> when pooled.</param>
    /// <param name="middle">The one for the middle block.</param>
    public ControlResiduals(IReadOnlyList<Tensor> skips, Tensor middle)
    {
        ArgumentNullException.ThrowIfNull(skips);
        ArgumentNullException.ThrowIfNull(middle);
        (Skips, Middle) = (skips, middle);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> Skips { get; }

    /// <inheritdoc/>
    public Tensor Middle { get; }

    /// <summary>Residuals in all, the middle one included; the length of a list of scales.</summary>
    public int Count => Skips.Count + 1;

    /// <summary>
    /// Scales of guess mode as diffusers computes them: rising evenly in the exponent from 0.1 at full resolution to 1
    /// in the middle.
    /// </summary>
    /// <param name="count">How many, 13 in Stable Diffusion; at least 2.</param>
    public static float[] GuessRamp(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        return [.. Enumerable.Range(0, count).Select(i => (float)Math.Pow(10, -1 + (i / (count - 1d))))];
    }

    /// <summary>
    /// Scales of guess mode as the authors compute them: 0.825 to the power of the distance from the middle.
    /// </summary>
    /// <param name="count">How many, 13 in Stable Diffusion.</param>
    /// <remarks>
    /// Source: gradio_canny2image.py of the authors' repository. At most 0.6 % from <see cref="GuessRamp"/>.
    /// </remarks>
    public static float[] SoftRamp(int count) =>
        [.. Enumerable.Range(0, count).Select(i => (float)Math.Pow(0.825, count - 1 - i))];

    /// <summary>Every residual times one factor: the conditioning scale.</summary>
    public ControlResiduals Scaled(float factor) => Map((_, tensor) => Ops.Scale(tensor, factor));

    /// <summary>Every residual times a factor of its own.</summary>
    /// <param name="factors">One for each skip, then the one of the middle; <see cref="Count"/> in all.</param>
    /// <exception cref="ModelException">There are more or fewer factors.</exception>
    public ControlResiduals Scaled(IReadOnlyList<float> factors)
    {
        ArgumentNullException.ThrowIfNull(factors);
        return factors.Count == Count
            ? Map((i, tensor) => Ops.Scale(tensor, factors[i]))
            : throw new ModelException(
                $"the residuals take {Count} scales, got {factors.Count}; " +
                "give one for each skip and one for the middle");
    }

    /// <summary>Every residual times a mask, which also lays pooled ones over the image.</summary>
    /// <param name="masks">One for each, <c>[1, H, W, 1]</c> of its size and in its type.</param>
    internal ControlResiduals Masked(IReadOnlyList<Tensor> masks) =>
        Map((i, tensor) => Ops.Multiply(tensor, masks[i]));

    /// <summary>
    /// Every residual replaced by its mean over the image, <c>[N, 1, 1, C]</c>: how "shuffle" networks act. Done by
    /// <see cref="ControlNetModel"/> where the configuration says so.
    /// </summary>
    public ControlResiduals Pooled() => Map(static (_, tensor) => MeanOverImage(tensor));

    /// <summary>
    /// The residuals of the conditional half of a batch, with zeros for the unconditional half before them: how guess
    /// mode joins both halves of guidance in one call of the UNet.
    /// </summary>
    /// <returns>Residuals of twice the batch.</returns>
    public ControlResiduals WithUnconditionalZeros() =>
        Map(static (_, tensor) =>
        {
            using TensorScope scope = TensorScope.Enter();
            return scope.Keep(Ops.Concat(0, Ops.Scale(tensor, 0f), tensor));
        });

    /// <summary>The sum of several networks' residuals, each already scaled.</summary>
    /// <param name="parts">At least one; pooled ones may stand beside others.</param>
    /// <exception cref="ModelException">They are of different counts.</exception>
    public static ControlResiduals Sum(params ReadOnlySpan<ControlResiduals> parts)
    {
        if (parts.Length == 0)
        {
            throw new ModelException("a sum of residuals takes at least one network; without any, hand the UNet none");
        }

        ControlResiduals[] all = parts.ToArray();
        foreach (ControlResiduals part in all)
        {
            if (part.Count != all[0].Count)
            {
                throw new ModelException(
                    $"one ControlNet makes {all[0].Count} residuals, another {part.Count}: they were made for " +
                    "different base models; choose networks of one base");
            }
        }

        return all[0].Map((i, first) => SumOf([.. all.Select(part => part.At(i))]));
    }

    /// <summary>
    /// The same with one member for each text in every residual: those of skips made before the text was read repeat.
    /// </summary>
    internal ControlResiduals ForEach(TextContext context) => new([.. Skips.Select(context.ForEach)], Middle);

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (Tensor skip in Skips)
        {
            skip.Dispose();
        }

        Middle.Dispose();
    }

    private Tensor At(int index) => index < Skips.Count ? Skips[index] : Middle;

    private ControlResiduals Map(Func<int, Tensor, Tensor> function)
    {
        // The scope frees what was made when a later one fails.
        using TensorScope scope = TensorScope.Enter();
        Tensor[] results = new Tensor[Count];
        for (int i = 0; i < results.Length; i++)
        {
            results[i] = function(i, At(i));
        }

        foreach (Tensor result in results)
        {
            scope.Keep(result);
        }

        return new ControlResiduals(results[..^1], results[^1]);
    }

    private static Tensor SumOf(Tensor[] parts)
    {
        using TensorScope scope = TensorScope.Enter();
        if (parts.Length == 1)
        {
            return scope.Keep(Ops.Scale(parts[0], 1f));
        }

        Tensor sum = Ops.Add(parts[0], parts[1]);
        foreach (Tensor part in parts[2..])
        {
            sum = sum.ReplacedBy(Ops.Add(sum, part));
        }

        return scope.Keep(sum);
    }

    private static Tensor MeanOverImage(Tensor x)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor mean = Ops.Mean(x.Reshape(x.Shape[0], x.Shape[1] * x.Shape[2], x.Shape[3]), 1);
        return scope.Keep(mean.Reshape(x.Shape[0], 1, 1, x.Shape[3]));
    }
}
