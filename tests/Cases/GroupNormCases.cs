using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Cases;

/// <summary>One call of group norm, or of layer norm: what the tests check and the benchmark times.</summary>
/// <param name="Name">Where it comes from; the row label of test and benchmark reports.</param>
/// <param name="X"><c>[N, H, W, C]</c>; of another rank the call is layer norm of its rows.</param>
/// <param name="Groups">Divides C.</param>
/// <param name="Activation">Fused activation.</param>
public sealed record GroupNormCase(string Name, Shape X, int Groups = 1, Activation Activation = Activation.None)
{
    /// <summary>Layer norm: every row is normalised by itself.</summary>
    public bool IsLayerNorm => X.Rank != 4;

    /// <summary>Calls the operation.</summary>
    public Tensor Run(Tensor x, Tensor gamma, Tensor beta, float eps = 1e-5f) => IsLayerNorm
        ? Ops.LayerNorm(x, gamma, beta, eps)
        : Ops.GroupNorm(x, gamma, beta, Groups, eps, Activation);

    /// <summary>Writes the name.</summary>
    public override string ToString() => Name;
}

/// <summary>Norms worth checking and timing.</summary>
public static class GroupNormCases
{
    /// <summary>
    /// Small and awkward: one pixel, one group, group widths around and below a vector, several strips and parts.
    /// </summary>
    public static IEnumerable<GroupNormCase> Edges()
    {
        yield return new("one pixel", new Shape(1, 1, 1, 32), 4);
        yield return new("one pixel, one group", new Shape(3, 1, 1, 40), 1, Activation.Gelu);
        yield return new("one group", new Shape(1, 3, 3, 5), 1, Activation.Silu);
        yield return new("one channel a group", new Shape(2, 4, 4, 8), 8);
        yield return new("width 17", new Shape(1, 2, 3, 34), 2, Activation.Silu);
        yield return new("width 10, as in SD 1.5", new Shape(2, 3, 5, 320), 32, Activation.Silu);
        yield return new("two strips", new Shape(2, 5, 5, 656), 4, Activation.QuickGelu);
        yield return new("width 9", new Shape(2, 3, 5, 36), 4, Activation.GeluTanh);
        yield return new("width 16", new Shape(1, 3, 4, 48), 3, Activation.Sigmoid);
        yield return new("width 20", new Shape(1, 5, 4, 40), 2, Activation.Relu);
        yield return new("one pixel, tanh", new Shape(3, 1, 1, 24), 1, Activation.Tanh);
        yield return new("parts", new Shape(2, 33, 31, 64), 32, Activation.Silu);
        yield return new("parts and strips", new Shape(1, 41, 20, 352), 32);
        yield return new("row of 1", new Shape(6, 1));
        yield return new("rows of 13", new Shape(7, 3, 13));
        yield return new("rows of 16", new Shape(5, 16));
        yield return new("rows of 77", new Shape(5, 77));
        yield return new("rows of 320", new Shape(2, 150, 320));
    }

    /// <summary>The distinct calls of one SD 1.5 step at 512 x 512, guidance on, and of the VAE.</summary>
    public static IEnumerable<GroupNormCase> StableDiffusion15()
    {
        yield return new("down 0", new Shape(2, 64, 64, 320), 32, Activation.Silu);
        yield return new("down 1", new Shape(2, 32, 32, 640), 32, Activation.Silu);
        yield return new("down 2", new Shape(2, 16, 16, 1280), 32, Activation.Silu);
        yield return new("middle", new Shape(2, 8, 8, 1280), 32, Activation.Silu);
        yield return new("up 1, after concat", new Shape(2, 16, 16, 2560), 32, Activation.Silu);
        yield return new("up 3, after concat", new Shape(2, 64, 64, 960), 32, Activation.Silu);
        yield return new("vae decoder out", new Shape(1, 512, 512, 128), 32, Activation.Silu);
        yield return new("layer norm, down 0", new Shape(2, 4096, 320));
        yield return new("layer norm, down 1", new Shape(2, 1024, 640));
        yield return new("layer norm, down 2", new Shape(2, 256, 1280));
    }
}
