using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using System.Threading.Tasks;

namespace ControlNet.Native.Weights;

/// <summary>
/// LoRA added to the weights of a checkpoint once and for all: <c>W + sum of scale * alpha / rank * up down</c>. The
/// sum is made in F32 and rounded to the type of the weight at the end. Weights are asked for one after the other, so
/// that a checkpoint need not fit memory; the LoRA must stay open.
/// </summary>
public sealed class LoraMerge
{
    private readonly Dictionary<(LoraNetwork, string Weight), List<(LoraPair Pair, float Factor)>> _changes = [];

    /// <summary>Matches LoRA with the networks of a checkpoint.</summary>
    /// <param name="loras">What is added, and how strongly.</param>
    /// <param name="networks">
    /// Every weight of each network as diffusers names it, <c>.weight</c> included, with its extents.
    /// </param>
    /// <param name="strict">Whether every module of every LoRA must find its layer.</param>
    /// <exception cref="CheckpointException">
    /// A LoRA is made for another base model, or does not apply in full though it must.
    /// </exception>
    public LoraMerge(
        IReadOnlyList<LoraUse> loras,
        IReadOnlyDictionary<LoraNetwork, IReadOnlyDictionary<string, IReadOnlyList<long>>> networks,
        bool strict = false)
    {
        ArgumentNullException.ThrowIfNull(loras);
        ArgumentNullException.ThrowIfNull(networks);
        LoraTargets[] targets = [.. networks.Select(network => LoraTargets.Of(network.Key, network.Value))];
        List<LoraReport> reports = [];
        foreach (LoraUse use in loras)
        {
            LoraMatch[] matches = [.. targets.Select(target => target.Match(use.Checked().Lora))];
            reports.Add(LoraReport.Of(use, matches, strict));
            foreach (LoraMatch match in matches)
            {
                foreach (LoraFit fit in match.Fits)
                {
                    Add((match.Network, fit.Path + ".weight"), (fit.Pair, fit.Pair.Factor(use.For(match.Network))));
                }
            }
        }

        Reports = reports;
    }

    /// <summary>What each LoRA changes, in their order.</summary>
    public IReadOnlyList<LoraReport> Reports { get; }

    /// <summary>Matches LoRA with all networks of an open checkpoint.</summary>
    /// <exception cref="CheckpointException">
    /// A LoRA is made for another base model, or does not apply in full though it must.
    /// </exception>
    public static LoraMerge Into(Checkpoint checkpoint, IReadOnlyList<LoraUse> loras, bool strict = false)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        Dictionary<LoraNetwork, IReadOnlyDictionary<string, IReadOnlyList<long>>> networks = [];
        Note(LoraNetwork.Unet, checkpoint.Unet?.Weights);
        Note(LoraNetwork.Text, checkpoint.Text?.Weights);
        Note(LoraNetwork.ControlNet, checkpoint.ControlNet?.Weights);
        return new LoraMerge(loras, networks, strict);

        void Note(LoraNetwork network, ComponentWeights? weights)
        {
            if (weights is not null)
            {
                networks.Add(network, weights.Slots.ToDictionary(slot => slot.Key, slot => slot.Value.Extents));
            }
        }
    }

    /// <summary>Whether a weight is another one afterwards.</summary>
    /// <param name="network">The network it belongs to.</param>
    /// <param name="weight">Its name as diffusers gives it, for example <c>conv_in.weight</c>.</param>
    public bool Changes(LoraNetwork network, string weight) => _changes.ContainsKey((network, weight));

    /// <summary>Adds every change of a weight to it; nothing where there is none.</summary>
    /// <param name="network">The network it belongs to.</param>
    /// <param name="weight">Its name as diffusers gives it.</param>
    /// <param name="values">Its elements, row-major; changed in place.</param>
    /// <exception cref="ArgumentException">The count is not that of the weight.</exception>
    /// <exception cref="CheckpointException">A factor is stored in a type no weight has.</exception>
    /// <exception cref="SafeTensorsException">A LoRA cannot be read (any more).</exception>
    public void AddTo(LoraNetwork network, string weight, Memory<float> values)
    {
        if (!_changes.TryGetValue((network, weight), out List<(LoraPair Pair, float Factor)>? changes))
        {
            return;
        }

        Factors[] factors = [.. changes.Select(change => new Factors(change.Pair, change.Factor))];
        (int rows, int columns) = (factors[0].Rows, factors[0].Columns);
        if (values.Length != (long)rows * columns)
        {
            throw new ArgumentException(
                $"the weight '{weight}' has {(long)rows * columns} elements, got {values.Length}", nameof(values));
        }

        Parallel.For(0, rows, row =>
        {
            float[] change = new float[columns];
            foreach (Factors each in factors)
            {
                each.AddRow(row, change);
            }

            AddScaled(values.Span.Slice(row * columns, columns), change, 1f);
        });
    }

    /// <summary>A weight with every change, in the type it is stored in; itself where there is none.</summary>
    /// <param name="network">The network it belongs to.</param>
    /// <param name="weight">Its name as diffusers gives it.</param>
    /// <param name="dtype">Its type as safetensors names it: F32, F16, BF16 or F64.</param>
    /// <param name="stored">Its elements, little-endian and row-major.</param>
    /// <exception cref="CheckpointException">It, or a factor, is stored in a type no weight has.</exception>
    /// <exception cref="SafeTensorsException">A LoRA cannot be read (any more).</exception>
    public ReadOnlyMemory<byte> Merge(LoraNetwork network, string weight, string dtype, ReadOnlyMemory<byte> stored)
    {
        if (!Changes(network, weight))
        {
            return stored;
        }

        WeightElements.RequireKnown("checkpoint", weight, dtype);
        float[] values = WeightElements.Widen(dtype, stored.Span);
        AddTo(network, weight, values);
        return WeightElements.Narrow(dtype, values);
    }

    private void Add((LoraNetwork, string) weight, (LoraPair, float) change)
    {
        if (!_changes.TryGetValue(weight, out List<(LoraPair, float)>? changes))
        {
            _changes.Add(weight, changes = []);
        }

        changes.Add(change);
    }

    /// <summary><c>target += factor * source</c></summary>
    private static void AddScaled(Span<float> target, ReadOnlySpan<float> source, float factor)
    {
        int i = 0;
        for (; i <= target.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            (new Vector<float>(target[i..]) + (new Vector<float>(source[i..]) * factor)).CopyTo(target[i..]);
        }

        for (; i < target.Length; i++)
        {
            target[i] += source[i] * factor;
        }
    }

    /// <summary>The factors of one change, read.</summary>
    private sealed class Factors(LoraPair pair, float factor)
    {
        private readonly float[] _down = WeightElements.Read(pair.Down), _up = WeightElements.Read(pair.Up);

        public int Rows => (int)pair.Up.Extents[0];

        /// <summary>In, or In K K.</summary>
        public int Columns => _down.Length / pair.Rank;

        /// <summary>Adds a row of the product.</summary>
        public void AddRow(int row, Span<float> sum)
        {
            for (int rank = 0; rank < pair.Rank; rank++)
            {
                float strength = factor * _up[(row * pair.Rank) + rank];
                AddScaled(sum, _down.AsSpan(rank * Columns, Columns), strength);
            }
        }
    }
}
