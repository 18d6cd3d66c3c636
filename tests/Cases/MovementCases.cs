using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Cases;

/// <summary>The operations that move elements as cases name them.</summary>
public enum MovementCall
{
    /// <summary>Axes in the order of the arguments.</summary>
    Permute,

    /// <summary>x, the first part of x, and x again, joined along the axis of the argument.</summary>
    Concat,

    /// <summary>Axis, start and count.</summary>
    Slice,

    /// <summary>Target height and width.</summary>
    Upsample,

    /// <summary>As many rows as the argument says, each member of x chosen in turn.</summary>
    Gather,
}

/// <summary>One movement call: what the tests check and the benchmark times.</summary>
/// <param name="Name">Where it comes from; the row label of test and benchmark reports.</param>
/// <param name="Call">The operation.</param>
/// <param name="X">The input.</param>
/// <param name="Arguments">See <see cref="MovementCall"/>.</param>
public sealed record MovementCase(string Name, MovementCall Call, Shape X, params int[] Arguments)
{
    /// <summary>The row indices of a gather.</summary>
    public int[] Ids => [.. Enumerable.Range(0, Arguments[0]).Select(i => (i * 7919) % X[0])];

    /// <summary>Calls the operation; <paramref name="ids"/> is used by a gather only.</summary>
    public Tensor Run(Tensor x, Tensor ids) => Call switch
    {
        MovementCall.Permute => Ops.Permute(x, Arguments),
        MovementCall.Concat => Ops.Concat(Arguments[0], x, Ops.Slice(x, Arguments[0], 0, 1), x),
        MovementCall.Slice => Ops.Slice(x, Arguments[0], Arguments[1], Arguments[2]),
        MovementCall.Upsample => Ops.UpsampleNearest(x, Arguments[0], Arguments[1]),
        MovementCall.Gather => Ops.GatherRows(x, ids),
        _ => throw new InvalidOperationException($"no operation {Call}"),
    };

    /// <summary>Writes the name.</summary>
    public override string ToString() => Name;
}

/// <summary>Movement calls worth checking and timing.</summary>
public static class MovementCases
{
    /// <summary>Small and awkward, every permutation of four axes, and more than one item of work.</summary>
    public static IEnumerable<MovementCase> Edges()
    {
        foreach (int[] axes in Permutations([0, 1, 2, 3]))
        {
            yield return new($"permute {string.Join("", axes)}", MovementCall.Permute, new Shape(3, 5, 18, 20), axes);
        }

        yield return new("permute with ones", MovementCall.Permute, new Shape(1, 6, 1, 7), 3, 2, 0, 1);
        yield return new("permute nothing", MovementCall.Permute, new Shape(3, 0, 2), 2, 0, 1);
        yield return new("permute a vector", MovementCall.Permute, new Shape(50_000), 0);
        yield return new("transpose in items", MovementCall.Permute, new Shape(203, 305), 1, 0);
        yield return new("concat channels", MovementCall.Concat, new Shape(2, 3, 4, 5), 3);
        yield return new("concat images", MovementCall.Concat, new Shape(2, 3, 4, 5), 0);
        yield return new("concat in items", MovementCall.Concat, new Shape(300, 77), -1);
        yield return new("slice long rows", MovementCall.Slice, new Shape(3, 50_001), 1, 3, 49_000);
        yield return new("slice channels", MovementCall.Slice, new Shape(2, 3, 4, 9), -1, 2, 5);
        yield return new("slice rows", MovementCall.Slice, new Shape(6, 4), 0, 1, 3);
        yield return new("slice nothing", MovementCall.Slice, new Shape(6, 4), 1, 4, 0);
        yield return new("upsample twice", MovementCall.Upsample, new Shape(2, 3, 4, 5), 6, 8);
        yield return new("upsample to odd", MovementCall.Upsample, new Shape(1, 4, 5, 17), 7, 9);
        yield return new("upsample down", MovementCall.Upsample, new Shape(1, 9, 8, 3), 4, 3);
        yield return new("upsample in items", MovementCall.Upsample, new Shape(2, 16, 16, 64), 32, 32);
        yield return new("gather", MovementCall.Gather, new Shape(29, 11), 13);
    }

    /// <summary>The distinct calls of one SD 1.5 step at 512 x 512, guidance on.</summary>
    public static IEnumerable<MovementCase> StableDiffusion15()
    {
        yield return new("upsample, up 1", MovementCall.Upsample, new Shape(2, 16, 16, 1280), 32, 32);
        yield return new("upsample, up 2", MovementCall.Upsample, new Shape(2, 32, 32, 640), 64, 64);
        yield return new("skip, up 3", MovementCall.Concat, new Shape(2, 64, 64, 320), -1);
        yield return new("latents in", MovementCall.Permute, new Shape(2, 4, 64, 64), 0, 2, 3, 1);
        yield return new("image out", MovementCall.Permute, new Shape(1, 512, 512, 3), 0, 3, 1, 2);
        yield return new("words", MovementCall.Gather, new Shape(49408, 768), 154);
    }

    private static IEnumerable<int[]> Permutations(int[] members)
    {
        if (members.Length == 1)
        {
            yield return members;
            yield break;
        }

        foreach (int first in members)
        {
            foreach (int[] rest in Permutations([.. members.Where(m => m != first)]))
            {
                yield return [first, .. rest];
            }
        }
    }
}
