using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Weights;

namespace ControlNet.Native;

/// <content>Prompts encoded by themselves, and words added to the text encoder.</content>
public sealed partial class StableDiffusion
{
    /// <summary>The words added to the text encoder by <see cref="AddEmbedding(string, string?)"/>, in order.</summary>
    public IReadOnlyList<string> Embeddings => Inversions.Names;

    /// <summary>The embeddings requests may name; replaced as a whole, so that a running one keeps its own.</summary>
    internal TextualInversions Inversions { get; private set; }

    private PromptEncoder Encoder => new(_text, Device, Tokenizer, Activations);

    /// <summary>
    /// Adds a textual inversion embedding: from then on its word in a prompt stands for its rows. Not to be called
    /// while another thread adds or removes one.
    /// </summary>
    /// <param name="path">
    /// A <c>.safetensors</c> file as A1111 writes it (tensor <c>emb_params</c>) or as diffusers does (one tensor named
    /// as its word).
    /// </param>
    /// <param name="name">
    /// The word; null for the name of the file in the first layout and of the tensor in the second. Its case does not
    /// matter.
    /// </param>
    /// <returns>The word.</returns>
    /// <exception cref="SafeTensorsException">The file is damaged or of another format, say a pickle.</exception>
    /// <exception cref="CheckpointException">It holds no embedding, or one made for another base model.</exception>
    /// <exception cref="RequestException">The word is taken or cannot stand in a prompt.</exception>
    public string AddEmbedding(string path, string? name = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        TextualInversion read = TextualInversionFile.Read(path, name);
        Add($"{MessageText.Name(path)}: the embedding", read);
        return read.Name;
    }

    /// <summary>Adds a textual inversion embedding that is in memory.</summary>
    /// <param name="name">The word that stands for it in prompts, whatever its case.</param>
    /// <param name="vectors"><c>[count, width]</c> or <c>[width]</c>; stays the caller's and is copied.</param>
    /// <exception cref="CheckpointException">It was made for another base model, or is no table of vectors.</exception>
    /// <exception cref="RequestException">The word is taken or cannot stand in a prompt.</exception>
    public void AddEmbedding(string name, Tensor vectors)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(vectors);
        string what = $"the embedding '{MessageText.Name(name)}'";
        if (vectors.Shape.Rank is not (1 or 2) || vectors.Shape.Count == 0)
        {
            throw new CheckpointException($"{what} is {vectors.Shape}, but must be [width] or [count, width]");
        }

        using TensorScope scope = TensorScope.Enter();
        float[] values = (vectors.DType == DType.F32 ? vectors : Ops.Cast(vectors, DType.F32)).ToArray();
        int bad = Array.FindIndex(values, value => !float.IsFinite(value));
        if (bad >= 0)
        {
            throw new CheckpointException(FormattableString.Invariant(
                $"{what} has {values[bad]} at element {bad}, but must be finite; train it again"));
        }

        Add(what, new TextualInversion(name, values, vectors.Shape.Rank == 1 ? 1 : vectors.Shape[0]));
    }

    /// <summary>Removes an embedding; its word is read as text again.</summary>
    /// <param name="name">The word, whatever its case.</param>
    /// <returns>Whether there was one.</returns>
    public bool RemoveEmbedding(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        bool had = Inversions.Has(name);
        Inversions = Inversions.Without(name);
        return had;
    }

    /// <summary>Encodes a prompt to keep it, change it, or give it to another request.</summary>
    /// <param name="prompt">The prompt; one text, which does not change on the way.</param>
    /// <param name="syntax">What its brackets mean.</param>
    /// <param name="clipSkip">As <see cref="ImageRequest.ClipSkip"/>.</param>
    /// <param name="truncate">As <see cref="ImageRequest.TruncatePrompt"/>.</param>
    /// <param name="cancellation">Ends it within one operation.</param>
    /// <returns>The states of 77 tokens, or of a multiple for a long prompt.</returns>
    /// <exception cref="RequestException">The prompt is not one text, or a value is out of its range.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public PromptEmbedding EncodePrompt(
        string prompt, PromptSyntax syntax = PromptSyntax.WebUi, int clipSkip = 1, bool truncate = false,
        CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(prompt);
        if (syntax == PromptSyntax.WebUi && PromptConjunction.Split(prompt).Count > 1)
        {
            throw new RequestException(
                "Prompt joins several prompts by AND, but an encoded prompt holds one; encode them one by one");
        }

        ImageRequest request = new()
        {
            Prompt = prompt, PromptSyntax = syntax, ClipSkip = clipSkip, TruncatePrompt = truncate, GuidanceScale = 1,
        };
        request.Validate();
        GenerationPlan.CheckClipSkip(request, _text.Config);
        PromptPlan plan = PromptPlan.Make(request, Tokenizer, Inversions, _text.Config.HiddenSize, request.Steps);
        if (plan.Texts.Count > 1)
        {
            throw new RequestException(
                "Prompt changes on the way ([from:to:when] or [a|b]), but an encoded prompt holds one text; encode " +
                "them one by one, or write \\[ for a bracket that is text");
        }

        using DeviceReservation turn = Device.Reserve(cancellation);
        using TensorScope scope = TensorScope.Enter(cancellation);
        Tensor states = Encoder.Encode(plan).Single();
        float[] values = (states.DType == DType.F32 ? states : Ops.Cast(states, DType.F32)).ToArray();
        return new PromptEmbedding(values, plan.Tokens, _text.Config.HiddenSize);
    }

    private void Add(string what, TextualInversion added)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        int width = _text.Config.HiddenSize, room = Tokenizer.MaxLength - 2;
        string word = MessageText.Name(added.Name);
        if (added.Width != width)
        {
            throw new CheckpointException(
                $"{what} is {added.Width} wide, but the text encoder of {Name} {width}: it was made for another base " +
                "model (Stable Diffusion 1.x is 768 wide, 2.x 1024); take one made for this base");
        }

        if (added.Count > room)
        {
            throw new CheckpointException(
                $"{what} takes {added.Count} tokens, but a chunk of a prompt has room for {room}; take a smaller one");
        }

        if (added.Name.Length == 0 || added.Name.Any(char.IsWhiteSpace))
        {
            throw new RequestException(
                $"{what} is named '{word}', but the name must be one word; give it another name");
        }

        if (Inversions.Has(added.Name))
        {
            throw new RequestException(
                $"{what} is named '{word}' as another one of {Name} is; remove that first or give another name");
        }

        Inversions = Inversions.With(added);
    }
}
