using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using ControlNet.Verification;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary>The options of <c>generate</c> about prompts.</summary>
public sealed class PromptTests : IDisposable
{
    private const string Model = "tests/Golden/models/sd1-tiny";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Encoded_prompts_and_embeddings_go_in_and_out()
    {
        string encoded = _folder.Path("encoded.safetensors"), style = Embedding("style.safetensors", 24);
        string embedding = $"{style}=word";
        CliRun run = await Run(
            "one.png", "-p", "a (word:1.2) cat", "-n", "blurry", "--embedding", embedding, "--save-prompt-embeddings",
            encoded, "--clip-skip", "2");
        Assert.Contains($"embedding: 'word' in prompts stands for {style}", run.Output, StringComparison.Ordinal);
        Assert.Contains("TI: \"word\"", run.Output, StringComparison.Ordinal);
        GoldenTensors tensors = new(encoded);
        Assert.Equal([1, 77, 24], tensors["prompt_embeds"].Shape);
        Assert.Equal([1, 77, 24], tensors["negative_prompt_embeds"].Shape);

        run = await Run("two.png", "--prompt-embeddings", encoded);
        Assert.Contains(
            "Prompt embedding: given, Negative prompt embedding: given", run.Output, StringComparison.Ordinal);
        Assert.Equal(Pixels("one.png"), Pixels("two.png"));
        _ = await Run("three.png", "-p", "a (style:1.2) cat", "-n", "blurry", "--embedding", style, "--clip-skip", "2");
        Assert.Equal(Pixels("one.png"), Pixels("three.png"));
        _ = await Run("four.png", "-p", "a (style:1.2) cat", "-n", "blurry", "--clip-skip", "2");
        Assert.NotEqual(Pixels("one.png"), Pixels("four.png"));
    }

    [Fact]
    public async Task The_syntax_is_that_of_the_web_UI_unless_told_otherwise()
    {
        _ = await Run("webui.png", "-p", "a [red:1] (cat)");
        _ = await Run("named.png", "-p", "a [red:1] (cat)", "--prompt-syntax", "WebUI");
        CliRun run = await Run("plain.png", "-p", "a [red:1] (cat)", "--prompt-syntax", "plain");
        Assert.Contains("Prompt syntax: plain", run.Output, StringComparison.Ordinal);
        Assert.Equal(Pixels("webui.png"), Pixels("named.png"));
        Assert.NotEqual(Pixels("webui.png"), Pixels("plain.png"));
        string parameters = PngImage.Load(_folder.Path("webui.png")).Text
            .Single(text => text.Keyword == "parameters").Text;
        Assert.StartsWith("a [red:1] (cat)\nSteps: 2, ", parameters, StringComparison.Ordinal);
        run = await CliRun.Of("generate", "--help");
        Assert.Contains("counted from the end as in the A1111 web UI", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_prompts_need_is_planned_for() => _ = await Run(
        "planned.png", "-p", "[a cat:the castle BREAK a red cat:2] AND style", "--embedding",
        Embedding("style.safetensors", 24), "--max-memory", "1GB");

    [Theory]
    [InlineData("--prompt-syntax loud", "error: --prompt-syntax is 'loud', but must be 'webui' or 'plain'")]
    [InlineData(
        "--save-prompt-embeddings a.bin", "error: --save-prompt-embeddings 'a.bin' must end in .safetensors")]
    [InlineData(
        "--embedding tests/Golden/models/lora/kohya.safetensors",
        "error: tests/Golden/models/lora/kohya.safetensors: this is no embedding: it has *")]
    [InlineData("--embedding no-such.safetensors=x", "error: no-such.safetensors: cannot be opened *")]
    [InlineData(
        "--embedding {wide}",
        "error: *wide.safetensors: the embedding is 32 wide, but the text encoder of sd1-tiny 24: it was made for *")]
    [InlineData(
        "--embedding {style} --embedding {style}",
        "error: *style.safetensors: the embedding is named 'style' as another one of sd1-tiny is; *")]
    [InlineData(
        "--prompt-embeddings {encoded}", "error: --prompt-embeddings replaces --prompt, which is not empty; *")]
    [InlineData("--prompt-embeddings {style}", "error: '*style.safetensors' has no tensor 'prompt_embeds'; it has *")]
    [InlineData(
        "--prompt-embeddings {flat}",
        "error: '*flat.safetensors': 'prompt_embeds' must be F32 or F16 [1, tokens, width], got F32 [1, 24]")]
    [InlineData("-n (fog:200)", "error: --negative-prompt has a part of weight 200, but weights must be from *")]
    [InlineData(
        "--save-prompt-embeddings {out} -n [a|b]",
        "error: --prompt changes on the way ([from:to:when] or [a|b]), but *")]
    public async Task An_option_that_cannot_be_used(string arguments, string sentence)
    {
        string all = arguments
            .Replace("{wide}", Embedding("wide.safetensors", 32), StringComparison.Ordinal)
            .Replace("{style}", Embedding("style.safetensors", 24), StringComparison.Ordinal)
            .Replace("{encoded}", Encoded("encoded.safetensors", [1, 77, 24]), StringComparison.Ordinal)
            .Replace("{flat}", Encoded("flat.safetensors", [1, 24]), StringComparison.Ordinal)
            .Replace("{out}", _folder.Path("out.safetensors"), StringComparison.Ordinal);
        int before = Directory.GetFiles(_folder.Root).Length;
        CliRun run = await CliRun.Of(
            ["generate", "-m", Model, "-p", "a cat", "-o", _folder.Path("out.png"), .. all.Split(' ')]);
        Assert.Matches(Wildcard.Pattern(sentence), Assert.Single(run.ErrorLines));
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Equal(before, Directory.GetFiles(_folder.Root).Length);
    }

    private async Task<CliRun> Run(string output, params string[] arguments)
    {
        string[] common = ["-m", Model, "-o", _folder.Path(output), "--steps", "2", "-W", "32", "-H", "32"];
        CliRun run = await CliRun.Of(["generate", .. common, .. arguments]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        return run;
    }

    private byte[] Pixels(string file) => RgbImage.Load(_folder.Path(file)).Pixels.ToArray();

    private string Embedding(string file, int width)
    {
        byte[] bytes = new byte[sizeof(float) * 2 * width];
        for (int i = 0; i < 2 * width; i++)
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(sizeof(float) * i), MathF.Sin(i));
        }

        return Written(file, new SafeTensorsItem("emb_params", "F32", [2, width], () => bytes));
    }

    private string Encoded(string file, long[] shape)
    {
        long count = 1;
        Array.ForEach(shape, extent => count *= extent);
        return Written(file, new SafeTensorsItem("prompt_embeds", "F32", shape, () => new byte[sizeof(float) * count]));
    }

    private string Written(string file, SafeTensorsItem item)
    {
        string path = _folder.Path(file);
        SafeTensorsWriter.Write(path, [item]);
        return path;
    }
}
