using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Text;

namespace ControlNet.Verification.Checks;

/// <summary>
/// Token ids against Hugging Face's fast tokenizer: 330 prompts and 77-token frames with CLIP's own vocabulary, which
/// is looked for under <c>vocab/</c> of the golden folder, and the prompts of the tiny models with theirs.
/// </summary>
public sealed class TokenizerCheck : GoldenCheck
{
    /// <summary>CLIP's vocabulary, relative to the golden folder; it is not part of this repository.</summary>
    public const string Vocabulary = "vocab/bpe_simple_vocab_16e6.txt.gz";

    private const string Prompts = "tokenizer/clip_bpe.json";
    private const string Frames = "tokenizer/framing77.json";
    private const string TinyModels = "outputs/tokenizer.json";

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) => [Prompts, Frames, TinyModels];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        ClipTokenizer? clip = HasVocabulary(context)
            ? ClipTokenizer.FromBpeFile(context.Path(Vocabulary.Split('/')))
            : null;
        return file switch
        {
            Prompts => clip is null ? [] : ComparePrompts(context.Json(Prompts), clip),
            Frames => clip is null ? [] : CompareFrames(context.Json(Prompts), context.Json(Frames), clip),
            TinyModels => CompareTinyModels(context, clip),
            _ => throw new ArgumentException($"TokenizerCheck does not answer for '{file}'", nameof(file)),
        };
    }

    /// <inheritdoc/>
    public override IEnumerable<string> NotCovered(GoldenContext context, string file)
    {
        if (!HasVocabulary(context))
        {
            yield return file == TinyModels
                ? $"full49408_ids: {Vocabulary} is not in this folder"
                : $"{Vocabulary} is not in this folder";
        }
    }

    private static bool HasVocabulary(GoldenContext context) => File.Exists(context.Path(Vocabulary.Split('/')));

    private static IEnumerable<GoldenResult> ComparePrompts(JsonElement golden, ClipTokenizer clip)
    {
        yield return Compare("vocab_size", [golden.GetProperty("vocab_size").GetInt32()], [clip.VocabularySize]);
        yield return Compare(
            "bos, eos",
            [golden.GetProperty("bos").GetInt32(), golden.GetProperty("eos").GetInt32()],
            [clip.BosId, clip.EosId]);
        foreach (JsonElement prompt in golden.GetProperty("cases").EnumerateArray())
        {
            string name = $"{prompt.GetProperty("id").GetInt32()} {prompt.GetProperty("class").GetString()}";
            yield return Compare(name, Ids(prompt, "ids"), clip.Encode(prompt.GetProperty("text").GetString()!));
        }
    }

    private static IEnumerable<GoldenResult> CompareFrames(JsonElement prompts, JsonElement golden, ClipTokenizer clip)
    {
        Dictionary<int, string> texts = prompts.GetProperty("cases").EnumerateArray().ToDictionary(
            p => p.GetProperty("id").GetInt32(), p => p.GetProperty("text").GetString()!);
        ClipTokenizer openClip = clip.WithPadId(0);
        foreach (JsonElement frame in golden.GetProperty("cases").EnumerateArray())
        {
            int id = frame.GetProperty("case").GetInt32();
            int tokenCount = frame.GetProperty("n_tokens_without_specials").GetInt32();
            int[] framed = clip.EncodePrompt(texts[id], out int dropped);
            yield return Compare($"{id}/sd1_pad_eos", Ids(frame, "sd1_pad_eos"), framed);
            yield return Compare(
                $"{id}/sd2_openclip_pad_zero", Ids(frame, "sd2_openclip_pad_zero"), openClip.EncodePrompt(texts[id]));
            yield return Compare($"{id}/dropped", [Math.Max(0, tokenCount - (clip.MaxLength - 2))], [dropped]);
            yield return Compare(
                $"{id}/eos_position",
                [frame.GetProperty("eos_position").GetInt32()], [Array.IndexOf(framed, clip.EosId)]);
            yield return Compare(
                $"{id}/chunks_a1111",
                [frame.GetProperty("chunks_a1111").GetInt32()],
                [clip.EncodeChunks(texts[id]).Length / clip.MaxLength]);
        }
    }

    private static IEnumerable<GoldenResult> CompareTinyModels(GoldenContext context, ClipTokenizer? clip)
    {
        JsonElement golden = context.Json(TinyModels);
        ClipTokenizer sd1 = ClipTokenizer.FromFolder(context.Path("models", "sd1-tiny", "tokenizer"));
        ClipTokenizer sd2 = ClipTokenizer.FromFolder(context.Path("models", "sd2-tiny", "tokenizer"));
        foreach ((string name, int actual) in ((string, int)[])
            [("bos", sd1.BosId), ("eos", sd1.EosId), ("sd1_pad", sd1.PadId), ("sd2_pad", sd2.PadId),
             ("vocab_size", sd1.VocabularySize)])
        {
            yield return Compare(name, [golden.GetProperty(name).GetInt32()], [actual]);
        }

        int number = 0;
        foreach (JsonElement prompt in golden.GetProperty("cases").EnumerateArray())
        {
            string text = prompt.GetProperty("text").GetString()!;
            yield return Compare($"{number}/ids", Ids(prompt, "ids"), sd1.Encode(text));
            yield return Compare($"{number}/sd1_77", Ids(prompt, "sd1_77"), sd1.EncodePrompt(text));

            // A prompt with '!', which pads Stable Diffusion 2, has no agreed answer and none here.
            if (prompt.TryGetProperty("sd2_77", out _))
            {
                yield return Compare($"{number}/sd2_77", Ids(prompt, "sd2_77"), sd2.EncodePrompt(text));
            }

            if (clip is not null)
            {
                yield return Compare($"{number}/full49408_ids", Ids(prompt, "full49408_ids"), clip.Encode(text));
            }

            number++;
        }
    }

    private static int[] Ids(JsonElement parent, string name) =>
        [.. parent.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    private static GoldenResult Compare(string name, int[] expected, int[] actual) => GoldenResult.Exact(
        name,
        expected.AsSpan().SequenceEqual(actual),
        $"expected [{Shown(expected)}], got [{Shown(actual)}]");

    private static string Shown(int[] ids) => string.Join(", ", ids.Take(12)) + (ids.Length > 12 ? ", …" : "");
}
