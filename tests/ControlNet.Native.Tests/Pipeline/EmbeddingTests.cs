using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using ControlNet.Verification;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Words added to the text encoder, and prompts that are encoded by themselves.</summary>
public sealed class EmbeddingTests : IDisposable
{
    private const int Width = 24;

    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;
    private readonly ScratchFolder _folder = new();

    public EmbeddingTests() => _model = TinyPipeline.Load(_device);

    private static ImageRequest Request => TinyPipeline.Request;

    public void Dispose()
    {
        _folder.Dispose();
        _model.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    /// <summary>With the rows the encoder has for words, an embedding must be those words.</summary>
    [Theory]
    [InlineData("emb_params", "my-style.safetensors", null, "my-style")]
    [InlineData("<style>", "learned_embeds.safetensors", null, "<style>")]
    [InlineData("*", "old.safetensors", null, "old")]
    [InlineData("<style>", "learned_embeds.safetensors", "word", "word")]
    [InlineData("emb_params", "my-style.safetensors", "word", "word")]
    public void A_file_of_either_layout_is_read(string tensor, string file, string? name, string word)
    {
        string path = Write(file, tensor, "F32", [2, Width], RowsOf("red", "cat"));
        Assert.Equal(word, _model.AddEmbedding(path, name));
        Assert.Equal([word], _model.Embeddings);
        GeneratedImage expected = Of("a (red cat:1.2), the castle");
        TinyPipeline.AssertSame(expected, Of($"a ({word}:1.2), the castle"));
        TinyPipeline.AssertSame(expected, Of($"a ({word.ToUpperInvariant()}:1.2), the castle"));
        TinyPipeline.AssertSame(
            _model.Generate(Request with { NegativePrompt = "red cat", PromptSyntax = PromptSyntax.Plain }),
            _model.Generate(Request with { NegativePrompt = word, PromptSyntax = PromptSyntax.Plain }));

        Assert.True(_model.RemoveEmbedding(word.ToUpperInvariant()));
        Assert.False(_model.RemoveEmbedding(word));
        TinyPipeline.AssertDifferent(expected, Of($"a ({word}:1.2), the castle"));
    }

    [Fact]
    public void Tensors_and_files_of_one_row_and_of_halves_are_taken()
    {
        GeneratedImage expected = Of("a red cat in the red castle");
        byte[] halves = new byte[2 * Width];
        float[] red = [.. RowsOf("red").Select(value => (float)(Half)value)];
        for (int i = 0; i < Width; i++)
        {
            BitConverter.TryWriteBytes(halves.AsSpan(2 * i), (Half)red[i]);
        }

        string path = _folder.Path("half.safetensors");
        SafeTensorsWriter.Write(path, [new SafeTensorsItem("emb_params", "F16", [Width], () => halves)]);
        _ = _model.AddEmbedding(path);
        using (Tensor row = Tensor.From(_device, new Shape(Width), red))
        using (Tensor exact = Tensor.From(_device, new Shape(2, Width), RowsOf("red", "cat")))
        {
            _model.AddEmbedding("same", row);
            _model.AddEmbedding("both", exact);
        }

        TinyPipeline.AssertSame(Of("a half cat in the same castle"), Of("a same cat in the half castle"));
        TinyPipeline.AssertSame(expected, Of("a both in the red castle"));
        Assert.Equal(["half", "same", "both"], _model.Embeddings);
        MemoryEstimate estimate = _model.EstimateMemory(Request with { Prompt = "half both" });
        Assert.True(estimate.PeakBytes > 0);
    }

    [Fact]
    public void What_is_no_embedding_is_refused()
    {
        float[] row = new float[Width];
        Refused<CheckpointException>(
            Write("wide.safetensors", "emb_params", "F32", [2, 48], new float[96]), null,
            "*wide.safetensors: the embedding is 48 wide, but the text encoder of sd1-tiny 24: it was made for " +
            "another base model (Stable Diffusion 1.x is 768 wide, 2.x 1024); take one made for this base");
        Refused<CheckpointException>(
            Write("deep.safetensors", "emb_params", "F32", [1, 1, Width], row), null,
            "*deep.safetensors: tensor 'emb_params' is [1, 1, 24], but an embedding is [width] or [count, width]");
        Refused<CheckpointException>(
            Write("long.safetensors", "emb_params", "F32", [76, Width], new float[76 * Width]), null,
            "*long.safetensors: the embedding takes 76 tokens, but a chunk of a prompt has room for 75; take a " +
            "smaller one");
        row[3] = float.NaN;
        Refused<CheckpointException>(
            Write("nan.safetensors", "emb_params", "F32", [Width], row), null,
            "*nan.safetensors: tensor 'emb_params' has NaN at element 3, but must be finite; train or download it " +
            "again");
        Refused<CheckpointException>(
            TinyPipeline.ModelPath("lora", "kohya.safetensors"), null,
            "*kohya.safetensors: this is no embedding: it has * tensors, not 'emb_params' or one with the name of " +
            "its word; give an embedding made for Stable Diffusion 1.x or 2.x");
        string xl = _folder.Path("xl.safetensors");
        SafeTensorsWriter.Write(xl, [Item("clip_g", 40), Item("clip_l", Width)]);
        Refused<CheckpointException>(
            xl, null,
            "*xl.safetensors: this embedding was made for Stable Diffusion XL, which this library does not compute; " +
            "give an embedding made for Stable Diffusion 1.x or 2.x");
        string integers = _folder.Path("int.safetensors");
        SafeTensorsWriter.Write(integers, [new SafeTensorsItem("emb_params", "I32", [Width], () => new byte[96])]);
        Refused<CheckpointException>(
            integers, null,
            "*int.safetensors: tensor 'emb_params' is I32; embeddings are read from F32, F16 or BF16");
        string pickle = _folder.Path("style.pt");
        File.WriteAllBytes(pickle, [.. "PK"u8, 3, 4, 0, 0, 8, 8, .. new byte[200]]);
        Refused<SafeTensorsException>(
            pickle, null,
            "*style.pt: this is a zip archive (a PyTorch .pt or .ckpt file); convert it to safetensors");
        Refused<SafeTensorsException>(_folder.Path("none.safetensors"), null, "*none.safetensors: cannot be opened *");

        string good = Write("good.safetensors", "emb_params", "F32", [Width], new float[Width]);
        Refused<RequestException>(
            good, "two words",
            "*good.safetensors: the embedding is named 'two words', but the name must be one word; give it another " +
            "name");
        Refused<RequestException>(
            good, "",
            "*good.safetensors: the embedding is named '', but the name must be one word; give it another name");
        _ = _model.AddEmbedding(good);
        using Tensor vectors = Tensor.Zeros(_device, new Shape(Width));
        Assert.Equal(
            "the embedding 'GOOD' is named 'GOOD' as another one of sd1-tiny is; remove that first or give another " +
            "name",
            Assert.Throws<RequestException>(() => _model.AddEmbedding("GOOD", vectors)).Message);
        using Tensor four = Tensor.Zeros(_device, new Shape(1, 1, 1, Width));
        Assert.Equal(
            "the embedding 'x' is [1, 1, 1, 24], but must be [width] or [count, width]",
            Assert.Throws<CheckpointException>(() => _model.AddEmbedding("x", four)).Message);
        using Tensor infinite = Tensor.From(_device, new Shape(1), [float.PositiveInfinity]);
        Assert.Equal(
            "the embedding 'x' has Infinity at element 0, but must be finite; train it again",
            Assert.Throws<CheckpointException>(() => _model.AddEmbedding("x", infinite)).Message);
        Assert.Equal(["good"], _model.Embeddings);
    }

    [Theory]
    [InlineData("a (red:1.3) cat", "blurry")]
    [InlineData("", "")]
    public void An_encoded_prompt_is_that_prompt(string prompt, string negative)
    {
        ImageRequest request = Request with { Prompt = prompt, NegativePrompt = negative, ClipSkip = 2 };
        GeneratedImage expected = _model.Generate(request);
        ImageRequest encoded = request with
        {
            Prompt = "",
            PromptEmbedding = _model.EncodePrompt(prompt, clipSkip: 2),
        };
        TinyPipeline.AssertSame(expected, _model.Generate(encoded));
        TinyPipeline.AssertSame(expected, _model.Generate(encoded with
        {
            NegativePrompt = "",
            NegativePromptEmbedding = _model.EncodePrompt(negative, clipSkip: 2),
            ClipSkip = 1,
        }));
        TinyPipeline.AssertSame(
            _model.Generate(request with { GuidanceScale = 1 }), _model.Generate(encoded with { GuidanceScale = 1 }));
    }

    [Fact]
    public void States_of_any_length_are_read_if_both_prompts_have_it()
    {
        PromptEmbedding five = new(new float[5 * Width], 5, Width), six = new(new float[6 * Width], 6, Width);
        ImageRequest request = Request with { Prompt = "", NegativePrompt = "", PromptEmbedding = five };
        _ = _model.Generate(request with { NegativePromptEmbedding = five });
        _ = _model.Generate(request with { GuidanceScale = 1 });
        const string odd = "only multiples of 77 are filled up to one length; encode both with as many tokens";
        Refused(
            request with { NegativePromptEmbedding = six },
            "one prompt is 5 tokens long, another 6: " + odd);
        Refused(request, "one prompt is 5 tokens long, another 77: " + odd);
    }

    [Fact]
    public void Prompts_that_do_not_fit_are_refused()
    {
        ImageRequest empty = Request with { Prompt = "", NegativePrompt = "" };
        PromptEmbedding sound = new(new float[77 * Width], 77, Width);
        Refused(
            Request with { PromptEmbedding = sound },
            "PromptEmbedding replaces Prompt, which is not empty; give one or the other");
        Refused(
            Request with { NegativePromptEmbedding = sound },
            "NegativePromptEmbedding replaces NegativePrompt, which is not empty; give one or the other");
        Refused(
            empty with { PromptEmbedding = new(new float[77 * 48], 77, 48) },
            "PromptEmbedding is 48 wide, but the text encoder makes states of 24: it was encoded by another base " +
            "model; encode the prompt with this one");
        Refused(
            empty with { PromptEmbedding = sound with { Tokens = 76 } },
            "PromptEmbedding has 1848 values, but [76, 24] are 1824; give a row of values for each token");
        Refused(
            empty with { NegativePromptEmbedding = new(default, 0, Width) },
            "NegativePromptEmbedding has 0 values, but [0, 24] are 0; give a row of values for each token");
        float[] states = new float[77 * Width];
        states[^1] = float.NaN;
        Refused(
            empty with { PromptEmbedding = sound with { States = states } },
            "PromptEmbedding: value 1847 is NaN, but must be a finite number; encode the prompt again");
        Refused(Request with { PromptSyntax = (PromptSyntax)7 }, "PromptSyntax 7 is not one of its values");
        Refused(
            Request with { Prompt = "a (cat:101)" },
            "Prompt has a part of weight 101, but weights must be from -100 to 100; usual ones are 0.5 to 1.5");
        Refused(
            Request with { NegativePrompt = $"(cat:{new string('9', 400)})" },
            "NegativePrompt has a part of weight Infinity, but weights must be from -100 to 100; usual ones are 0.5 " +
            "to 1.5");
        Refused(
            Request with { Prompt = "a cat AND a dog :-200" },
            "Prompt has a part of weight -200, but weights must be from -100 to 100; usual ones are 0.5 to 1.5");
        Refused(
            Request with { Prompt = "a AND b AND c AND d AND e AND f AND g AND h" },
            "Prompt joins 8 prompts by AND, but at most 7 are computed together; join fewer");
        Refused(
            Request with { Prompt = "a AND b", GuidanceScale = 1 },
            "Prompt joins 2 prompts by AND, which is done by guidance, but GuidanceScale is 1; take more than 1, or " +
            "one prompt");
        Refused(
            Request with { Prompt = string.Concat(Enumerable.Repeat("cat BREAK ", 65)) },
            "Prompt takes 65 chunks of 75 tokens, but at most 64 are read; shorten it, or set TruncatePrompt " +
            "(--truncate-prompt) to leave out all behind the first");
        Refused(
            Request with { NegativePrompt = new string('x', 65_537) },
            "NegativePrompt has 65537 characters, but at most 65536 are read; shorten it");
        _ = _model.Generate(Request with
        {
            Prompt = string.Concat(Enumerable.Repeat("cat BREAK ", 65)),
            TruncatePrompt = true,
            Steps = 1,
        });
    }

    [Fact]
    public void What_is_no_single_text_is_not_encoded()
    {
        Assert.Equal(
            "Prompt joins several prompts by AND, but an encoded prompt holds one; encode them one by one",
            Assert.Throws<RequestException>(() => _model.EncodePrompt("a AND b")).Message);
        const string changes =
            "Prompt changes on the way ([from:to:when] or [a|b]), but an encoded prompt holds one text; encode them " +
            "one by one, or write \\[ for a bracket that is text";
        Assert.Equal(changes, Assert.Throws<RequestException>(() => _model.EncodePrompt("[a:b:0.5]")).Message);
        Assert.Equal(changes, Assert.Throws<RequestException>(() => _model.EncodePrompt("[a|b]")).Message);
        Assert.Equal(
            "ClipSkip is 5, but the text encoder has 4 layers; take a smaller one",
            Assert.Throws<RequestException>(() => _model.EncodePrompt("a", clipSkip: 5)).Message);
        Assert.Equal(77, _model.EncodePrompt("[a|b] AND c", PromptSyntax.Plain).Tokens);
    }

    private GeneratedImage Of(string prompt) => _model.Generate(Request with { Prompt = prompt });

    /// <summary>The encoder's own rows of words, each one token.</summary>
    private float[] RowsOf(params string[] words)
    {
        float[] table = new GoldenTensors(TinyPipeline.ModelPath("sd1-tiny", "text_encoder", "model.safetensors"))[
            "text_model.embeddings.token_embedding.weight"].Floats();
        return [.. words.SelectMany(word =>
            table.AsSpan(Width * Assert.Single(_model.Tokenizer.Encode(word)), Width).ToArray())];
    }

    private string Write(string file, string tensor, string type, long[] shape, float[] values)
    {
        string path = _folder.Path(file);
        byte[] bytes = new byte[sizeof(float) * values.Length];
        Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
        SafeTensorsWriter.Write(path, [new SafeTensorsItem(tensor, type, shape, () => bytes)]);
        return path;
    }

    private static SafeTensorsItem Item(string name, int width) =>
        new(name, "F32", [1, width], () => new byte[sizeof(float) * width]);

    private void Refused<TException>(string path, string? name, string sentence)
        where TException : Exception
    {
        TException thrown = Assert.Throws<TException>(() => _model.AddEmbedding(path, name));
        Assert.Matches(Wildcard.Pattern(sentence), thrown.Message);
    }

    private void Refused(ImageRequest request, string sentence)
    {
        (long blocks, long bytes) = (_device.BlocksInUse, _device.BytesInUse);
        Assert.Equal(sentence, Assert.Throws<RequestException>(() => _model.Generate(request)).Message);
        Assert.Equal((blocks, bytes), (_device.BlocksInUse, _device.BytesInUse));
    }
}
