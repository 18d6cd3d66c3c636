using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>What weights, chunks, <c>AND</c> and schedules do to an image.</summary>
public sealed class PromptSyntaxTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;

    public PromptSyntaxTests() => _model = TinyPipeline.Load(_device);

    private static ImageRequest Request => TinyPipeline.Request;

    public void Dispose()
    {
        _model.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    [Theory]
    [InlineData("a red cat in the castle")]
    [InlineData("a clock at 10:30, 16:9")]
    [InlineData("")]
    [InlineData("and a break: ANDROID, BREAKING")]
    public void Without_brackets_and_key_words_the_syntaxes_agree(string prompt)
    {
        ImageRequest request = Request with { Prompt = prompt, NegativePrompt = prompt };
        TinyPipeline.AssertSame(
            _model.Generate(request with { PromptSyntax = PromptSyntax.Plain }), _model.Generate(request));
    }

    [Theory]
    [InlineData("a \\(red\\) cat", "a (red) cat")]
    [InlineData("a \\[red\\] cat", "a [red] cat")]
    public void A_backslash_makes_a_bracket_text(string webUi, string plain) => TinyPipeline.AssertSame(
        _model.Generate(Request with { Prompt = plain, PromptSyntax = PromptSyntax.Plain }),
        _model.Generate(Request with { Prompt = webUi }));

    [Fact]
    public void Plain_prompts_have_no_brackets()
    {
        ImageRequest weighted = Request with { Prompt = "a (red:1.5) cat" };
        GeneratedImage[] images =
        [
            Of("a red cat"), Of("a (red) cat"), Of("a (red:1.5) cat"), Of("a [red] cat"),
            _model.Generate(weighted with { PromptSyntax = PromptSyntax.Plain }),
            _model.Generate(Request with { Prompt = "a red cat", NegativePrompt = "(blurry:1.4)" }),
        ];
        for (int i = 0; i < images.Length; i++)
        {
            Assert.All(images[..i], other => TinyPipeline.AssertDifferent(other, images[i]));
        }

        TinyPipeline.AssertSame(images[0], Of("a (red:1.0) cat"));
        TinyPipeline.AssertSame(images[3], Of("a (red:0.9090909090909091) cat"));
    }

    [Fact]
    public void A_long_prompt_is_read_in_chunks()
    {
        string fits = string.Join(' ', Enumerable.Repeat("cat", 75));
        PromptEmbedding one = _model.EncodePrompt(fits), rest = _model.EncodePrompt("red cat");
        PromptEmbedding both = _model.EncodePrompt($"{fits} red cat");
        Assert.Equal((77, 154, 24), (one.Tokens, both.Tokens, both.Width));
        Assert.Equal([.. one.States.Span, .. rest.States.Span], both.States.ToArray());
        Assert.Equal(both.States.ToArray(), _model.EncodePrompt($"{fits} BREAK red cat").States.ToArray());

        // Filled up with empty chunks, whichever prompt is the longer one.
        PromptEmbedding empty = _model.EncodePrompt(""), blurry = _model.EncodePrompt("blurry");
        ImageRequest request = Request with { Prompt = $"{fits} red cat", NegativePrompt = "blurry" };
        TinyPipeline.AssertSame(
            _model.Generate(request with
            {
                Prompt = "",
                NegativePrompt = "",
                PromptEmbedding = both,
                NegativePromptEmbedding = Joined(blurry, empty),
            }),
            _model.Generate(request));
        TinyPipeline.AssertSame(
            _model.Generate(request with
            {
                Prompt = "",
                NegativePrompt = "",
                PromptEmbedding = Joined(blurry, empty),
                NegativePromptEmbedding = both,
            }),
            _model.Generate(request with { Prompt = "blurry", NegativePrompt = request.Prompt }));
    }

    [Theory]
    [InlineData(PromptSyntax.WebUi)]
    [InlineData(PromptSyntax.Plain)]
    public void A_long_prompt_may_be_cut(PromptSyntax syntax)
    {
        // 75 tokens, with a comma where those behind it would move on if it were read in chunks.
        string fits = string.Join(' ', Enumerable.Repeat("cat", 70)) + ", cat cat cat cat";
        ImageRequest request = Request with { PromptSyntax = syntax };
        TinyPipeline.AssertSame(
            _model.Generate(request with { Prompt = fits }),
            _model.Generate(request with { Prompt = $"{fits} red, {fits}", TruncatePrompt = true }));
        TinyPipeline.AssertDifferent(
            _model.Generate(request with { Prompt = fits }), _model.Generate(request with { Prompt = $"{fits} red" }));
    }

    [Fact]
    public void Joined_prompts_share_guidance()
    {
        // Steps that draw no noise and few of them: what is compared is equal up to rounding.
        ImageRequest request = Request with { Sampler = SamplerKind.Euler, Prompt = "a red cat" };
        GeneratedImage one = _model.Generate(request), twice = _model.Generate(request with { GuidanceScale = 15 });
        AssertClose(one, _model.Generate(request with { Prompt = "a red cat :0.25 AND a red cat :0.75" }));
        AssertClose(one, _model.Generate(request with { Prompt = "a red cat AND the castle :0" }));
        AssertClose(twice, _model.Generate(request with { Prompt = "a red cat AND a red cat" }));
        AssertClose(
            twice,
            _model.Generate(request with { Prompt = "(the castle) :-1 AND a red cat :2 AND (the castle) :+1." }));
        TinyPipeline.AssertDifferent(one, _model.Generate(request with { Prompt = "a red cat AND the castle" }));

        // One prompt alone has no weight, and a negative prompt joins nothing.
        TinyPipeline.AssertSame(
            _model.Generate(request with { Prompt = "a cat :2", PromptSyntax = PromptSyntax.Plain }),
            _model.Generate(request with { Prompt = "a cat :2" }));
        TinyPipeline.AssertSame(
            _model.Generate(request with { NegativePrompt = "a AND b", PromptSyntax = PromptSyntax.Plain }),
            _model.Generate(request with { NegativePrompt = "a AND b" }));
    }

    [Theory]
    [InlineData(ControlMode.Balanced)]
    [InlineData(ControlMode.Prompt)]
    [InlineData(ControlMode.Control)]
    [InlineData(ControlMode.Guess)]
    public void Joined_prompts_are_controlled(ControlMode mode)
    {
        using ControlNetModel net = TinyPipeline.LoadNet(_device);
        using ControlNetModel depth = TinyPipeline.LoadNet(_device, TinyPipeline.Depth);
        ImageRequest request = Request with
        {
            Sampler = SamplerKind.Euler,
            Prompt = "a red cat",
            Controls =
            [
                new() { Net = net, Image = TinyPipeline.Hint(40, 24), Mode = mode },
                new() { Net = depth, Image = TinyPipeline.Hint(40, 24), Scale = 0.5f },
            ],
        };
        AssertClose(
            _model.Generate(request),
            _model.Generate(request with { Prompt = "a red cat :0.5 AND a red cat :0.25 AND a red cat :0.25" }));
        AssertClose(
            _model.Generate(request),
            _model.Generate(request with { Prompt = "the castle :0 AND a red cat" }));
    }

    [Theory]
    [InlineData("[a cat:the castle:1.0]", "a cat")]
    [InlineData("[a cat:the castle:4]", "a cat")]
    [InlineData("[a cat:the castle:0]", "the castle")]
    [InlineData("the [red:0.0]castle", "the redcastle")]
    public void A_schedule_of_one_text_is_that_text(string schedule, string text) => TinyPipeline.AssertSame(
        _model.Generate(Request with { Prompt = text }), _model.Generate(Request with { Prompt = schedule }));

    [Theory]
    [InlineData(SamplerKind.Euler, 2, 2)]
    [InlineData(SamplerKind.Heun, 2, 4)]
    [InlineData(SamplerKind.Pndm, 1, 2)]
    public void A_prompt_changes_after_its_step(SamplerKind sampler, int step, int calls)
    {
        // Heun looks twice at every step but the last, PNDM twice at the first.
        ImageRequest request = Request with { Sampler = sampler, Steps = 4 };
        List<float[]> alone = Latents(request with { Prompt = "a cat" });
        List<float[]> changed = Latents(request with { Prompt = $"[a cat:the castle:{step}]" });
        Assert.Equal(alone[..calls], changed[..calls]);
        Assert.NotEqual(alone[calls], changed[calls]);

        List<float[]> shared = Latents(request with { Prompt = $"[a cat:the castle:{step / 4.0:0.00}]" });
        Assert.Equal(changed, shared);
        List<float[]> negative = Latents(request with { Prompt = "a cat", NegativePrompt = $"blurry [red:{step}]" });
        Assert.Equal(calls, negative.Zip(Latents(request with { Prompt = "a cat", NegativePrompt = "blurry " }))
            .TakeWhile(pair => pair.First.AsSpan().SequenceEqual(pair.Second)).Count());
    }

    [Fact]
    public void Prompts_take_turns()
    {
        ImageRequest request = Request with { Sampler = SamplerKind.Euler, Steps = 4 };
        List<float[]> turns = Latents(request with { Prompt = "[a cat|the castle]" });
        Assert.Equal(turns, Latents(request with { Prompt = "[[a cat:the castle:1]:[a cat:the castle:3]:2]" }));
        Assert.Equal(turns[..1], Latents(request with { Prompt = "a cat" })[..1]);
        Assert.Equal(
            Latents(request with { Prompt = "[a cat|a cat|a cat]" }), Latents(request with { Prompt = "a cat" }));
    }

    [Theory]
    [InlineData("a cat", 6)]
    [InlineData("[a cat:the castle:4]", 5)]
    [InlineData("[a cat|the castle]", 0)]
    [InlineData("a cat AND the castle", 6)]
    public void What_reads_the_same_is_replayed(string prompt, int replays)
    {
        FailingGpu gpu = new(1L << 30) { Records = true };
        using Device device = new(new GpuBackend(gpu, records: true));
        using StableDiffusion model = TinyPipeline.Load(device);
        _ = model.Generate(Request with { Prompt = prompt, Sampler = SamplerKind.Euler, Steps = 8 });
        Assert.Equal((replays + (replays > 0 ? 1 : 0), 0), (gpu.Replays, gpu.Recordings));
    }

    [Theory]
    [InlineData("a cat AND the castle AND red")]
    [InlineData("[a cat:the castle BREAK red BREAK blue:7]")]
    [InlineData("[a|[b|c]] BREAK d")]
    public void The_estimate_is_what_a_generation_takes(string prompt)
    {
        ImageRequest request = Request with { Prompt = prompt, Width = 128, Height = 128, Steps = 8 };
        MemoryEstimate estimate = _model.EstimateMemory(request);
        _ = _model.Generate(request);
        Assert.InRange(
            _device.PeakBytesInUse, estimate.PeakBytesInUse * 9 / 10, estimate.PeakBytesInUse * 11 / 10);
    }

    private static PromptEmbedding Joined(PromptEmbedding one, PromptEmbedding other) =>
        new((float[])[.. one.States.Span, .. other.States.Span], one.Tokens + other.Tokens, one.Width);

    private static void AssertClose(GeneratedImage expected, GeneratedImage actual) => Close.To(
        [.. expected.Latents.ToArray().Select(value => (double)value)], actual.Latents.ToArray(), 2e-4);

    private GeneratedImage Of(string prompt) => _model.Generate(Request with { Prompt = prompt });

    private List<float[]> Latents(ImageRequest request)
    {
        List<float[]> latents = [];
        _ = _model.Generate(request, new Reports<GenerationProgress>(report => latents.Add(report.CopyLatents())));
        return latents;
    }
}
