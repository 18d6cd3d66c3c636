using System;
using System.Collections.Generic;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Text;

/// <summary>
/// Turns token numbers into the text states a UNet reads. Source: Radford et al., 2021, arXiv:2103.00020, section 2.4;
/// transformers' CLIPTextModel.
/// </summary>
public sealed class ClipTextModel : AdaptableModel
{
    private readonly Embedding _tokens;
    private readonly Tensor _positions;
    private readonly List<ClipTextLayer> _layers = [];
    private readonly LayerNorm _finalNorm;
    private readonly Device _device;

    /// <summary>
    /// Takes <c>text_model.embeddings</c>, <c>text_model.encoder.layers</c> and <c>text_model.final_layer_norm</c>.
    /// </summary>
    /// <param name="weights">The checkpoint of the text encoder.</param>
    /// <param name="config">What it is built from.</param>
    /// <exception cref="CheckpointException">
    /// A weight is missing or of another shape; nothing stays allocated.
    /// </exception>
    public ClipTextModel(WeightMap weights, ClipTextConfig config)
        : base(weights, LoraNetwork.Text)
    {
        ArgumentNullException.ThrowIfNull(config);
        (Config, _device) = (config, weights.Device);
        using LoadGuard guard = LoadGuard.Start();
        WeightMap root = weights.In("text_model");
        WeightMap embeddings = root.In("embeddings");
        _tokens = Own(new Embedding(embeddings.In("token_embedding"), config.VocabSize, config.HiddenSize));
        _positions = Own(embeddings.Take(
            "position_embedding.weight", new Shape(config.MaxPositions, config.HiddenSize)));
        for (int layer = 0; layer < config.Layers; layer++)
        {
            _layers.Add(Own(new ClipTextLayer(root.In($"encoder.layers.{layer}"), config)));
        }

        _finalNorm = Own(new LayerNorm(root.In("final_layer_norm"), config.HiddenSize, config.LayerNormEps));
        guard.Complete();
    }

    /// <summary>What the encoder is built from.</summary>
    public ClipTextConfig Config { get; }

    /// <summary>The same network, its LoRA included, on a device that only plans; belongs to the caller.</summary>
    internal ClipTextModel OnPlanner(Device planner) =>
        Adapted(new ClipTextModel(Weights.OnPlanner(planner), Config));

    /// <summary>The text states a UNet reads.</summary>
    /// <param name="tokens">
    /// Token numbers of each prompt, all of one length T of at most 77, begin and end included.
    /// </param>
    /// <param name="skippedLayers">
    /// How many of the last layers are left out before the final norm: 0 for none, 1 for what user interfaces call
    /// "clip skip 2".
    /// </param>
    /// <returns><c>[N, T, C]</c> in the type of the encoder's activations.</returns>
    /// <exception cref="ModelException">The tokens or the number of layers do not fit the encoder.</exception>
    public Tensor Forward(IReadOnlyList<IReadOnlyList<int>> tokens, int skippedLayers = 0)
    {
        if (skippedLayers < 0 || skippedLayers >= Config.Layers)
        {
            throw new ModelException(
                $"the text encoder has {Config.Layers} layers, {skippedLayers} cannot be left out; " +
                $"choose a number from 0 to {Config.Layers - 1}");
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor h = Embed(tokens);
        for (int layer = 0; layer < _layers.Count - skippedLayers; layer++)
        {
            h = h.ReplacedBy(_layers[layer].Forward(h));
        }

        return scope.Keep(_finalNorm.Forward(h));
    }

    /// <summary>The states after the embeddings and after every layer, none of them through the final norm.</summary>
    /// <param name="tokens">As for <see cref="Forward"/>.</param>
    /// <returns>
    /// One <c>[N, T, C]</c> more than there are layers; they belong to the caller's scope, or to the caller.
    /// </returns>
    /// <exception cref="ModelException">The tokens do not fit the encoder.</exception>
    public IReadOnlyList<Tensor> HiddenStates(IReadOnlyList<IReadOnlyList<int>> tokens)
    {
        using TensorScope scope = TensorScope.Enter();
        List<Tensor> states = [Embed(tokens)];
        foreach (ClipTextLayer layer in _layers)
        {
            states.Add(layer.Forward(states[^1]));
        }

        foreach (Tensor state in states)
        {
            scope.Keep(state);
        }

        return states;
    }

    /// <summary>
    /// The one state that stands for a whole prompt: that of its highest token number, the end token.
    /// </summary>
    /// <param name="states">Result of <see cref="Forward"/> with all layers, <c>[N, T, C]</c>.</param>
    /// <param name="tokens">The tokens it was computed from.</param>
    /// <returns>F32 <c>[N, C]</c></returns>
    /// <exception cref="ModelException">States and tokens do not belong together.</exception>
    public Tensor Pool(Tensor states, IReadOnlyList<IReadOnlyList<int>> tokens)
    {
        ArgumentNullException.ThrowIfNull(states);
        int length = CheckTokens(tokens);
        if (states.Shape != new Shape(tokens.Count, length, Config.HiddenSize))
        {
            throw new ModelException(
                $"the states {states.Shape} were not computed from {tokens.Count} prompts of {length} tokens; " +
                "hand over the tokens that were encoded");
        }

        int[] rows = new int[tokens.Count];
        for (int prompt = 0; prompt < rows.Length; prompt++)
        {
            int highest = 0;
            for (int i = 1; i < length; i++)
            {
                highest = tokens[prompt][i] > tokens[prompt][highest] ? i : highest;
            }

            rows[prompt] = (prompt * length) + highest;
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor ids = Tensor.From(_device, new Shape(rows.Length), rows);
        return scope.Keep(Ops.GatherRows(states.Reshape(rows.Length * length, Config.HiddenSize), ids));
    }

    private Tensor Embed(IReadOnlyList<IReadOnlyList<int>> tokens)
    {
        int length = CheckTokens(tokens);
        int[] flat = new int[checked(tokens.Count * length)];
        for (int i = 0; i < flat.Length; i++)
        {
            flat[i] = tokens[i / length][i % length];
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor rows = _tokens.Forward(Tensor.From(_device, new Shape(tokens.Count, length), flat));
        Tensor sum = Ops.Add(rows, _positions.Rows(0, length));
        return scope.Keep(sum.DType == Weights.Activations ? sum : Ops.Cast(sum, Weights.Activations));
    }

    /// <summary>Refuses tokens the encoder has no rows for; returns their common length.</summary>
    private int CheckTokens(IReadOnlyList<IReadOnlyList<int>> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        int length = tokens.Count == 0 ? 0 : tokens[0].Count;
        if (length == 0 || length > Config.MaxPositions)
        {
            throw new ModelException(
                $"the text encoder reads prompts of 1 to {Config.MaxPositions} tokens, " +
                $"got {tokens.Count} of {length}; split longer prompts");
        }

        foreach (IReadOnlyList<int> prompt in tokens)
        {
            if (prompt.Count != length)
            {
                throw new ModelException(
                    $"one prompt has {length} tokens, another {prompt.Count}; pad them to one length");
            }

            foreach (int token in prompt)
            {
                if (token < 0 || token >= Config.VocabSize)
                {
                    throw new ModelException(
                        $"token {token} is not one of the {Config.VocabSize} the text encoder knows: " +
                        "the tokenizer belongs to another model; load the one beside the encoder");
                }
            }
        }

        return length;
    }
}
