using System;
using System.IO;
using System.Text.Json;

namespace ControlNet.Native.Text;

/// <summary>The tokens that frame a prompt and the length it is framed to.</summary>
/// <param name="StartOfText">Its text, as it may stand in a prompt.</param>
/// <param name="EndOfText">Its text, as it may stand in a prompt.</param>
/// <param name="Padding">The text of the token that fills up.</param>
/// <param name="MaxLength">Tokens of a framed prompt.</param>
internal sealed record ClipSpecialTokens(string StartOfText, string EndOfText, string Padding, int MaxLength)
{
    // Transformers writes 1e30 for "no limit"; every CLIP text encoder of Stable Diffusion has 77 positions.
    private const int LongestUseful = 4096;
    private const int ClipLength = 77;

    /// <summary>What OpenAI's CLIP and Stable Diffusion 1 use.</summary>
    public static ClipSpecialTokens Default { get; } =
        new("<|startoftext|>", "<|endoftext|>", "<|endoftext|>", ClipLength);

    /// <summary>
    /// Reads <c>special_tokens_map.json</c> and <c>tokenizer_config.json</c>, both optional. Where they disagree the
    /// map wins, as in Transformers: the published Stable Diffusion 2 names its padding <c>!</c> there only.
    /// </summary>
    /// <exception cref="TokenizerException">One of the files is damaged.</exception>
    public static ClipSpecialTokens FromFolder(string folder)
    {
        ClipSpecialTokens tokens = Default;
        bool padded = false;
        foreach (string name in (ReadOnlySpan<string>)["tokenizer_config.json", "special_tokens_map.json"])
        {
            string path = Path.Combine(folder, name);
            if (!File.Exists(path))
            {
                continue;
            }

            using JsonDocument document = TokenizerFile.ReadJson(path);
            JsonElement root = document.RootElement;
            string? padding = TokenText(path, root, "pad_token");
            padded |= padding is not null;
            tokens = new ClipSpecialTokens(
                TokenText(path, root, "bos_token") ?? tokens.StartOfText,
                TokenText(path, root, "eos_token") ?? tokens.EndOfText,
                padding ?? tokens.Padding,
                Length(path, root) ?? tokens.MaxLength);
        }

        return padded ? tokens : tokens with { Padding = tokens.EndOfText };
    }

    /// <summary>A token is written as its text or as an object that holds it.</summary>
    private static string? TokenText(string path, JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out JsonElement token) || token.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out JsonElement content))
        {
            token = content;
        }

        try
        {
            if (token.ValueKind == JsonValueKind.String && token.GetString() is { Length: > 0 } text)
            {
                return text;
            }
        }
        catch (InvalidOperationException e)
        {
            throw TokenizerException.InFile(path, $"'{name}' is a lone surrogate; download the file again", e);
        }

        throw TokenizerException.InFile(
            path, $"'{name}' is neither a text nor an object with 'content'; download the file again");
    }

    private static int? Length(string path, JsonElement root)
    {
        if (!root.TryGetProperty("model_max_length", out JsonElement length) || length.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (length.ValueKind != JsonValueKind.Number || !length.TryGetDouble(out double tokens) || !(tokens >= 3) ||
            (tokens <= LongestUseful && tokens != Math.Floor(tokens)))
        {
            throw TokenizerException.InFile(
                path, "'model_max_length' is not an integer of at least 3; Stable Diffusion uses 77");
        }

        return tokens <= LongestUseful ? (int)tokens : ClipLength;
    }
}
