using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Linq;
using ControlNet.Native;

namespace ControlNet.Cli;

/// <summary>The options about how prompts are read, words added to the model, and prompts that are encoded.</summary>
internal sealed class PromptOptions
{
    private readonly Option<string> _syntax = new("--prompt-syntax")
    {
        Description = "webui: (x), [x] and (x:1.3) weigh, [a:b:0.5] and [a|b] change on the way, BREAK begins a chunk, "
            + "AND joins prompts ('a :1.2 AND b'), \\( is a bracket; plain: all of it is text, as in diffusers.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "webui",
    };

    private readonly Option<string[]> _embedding = new("--embedding")
    {
        Description = "Textual inversion embedding, .safetensors of A1111 or diffusers, that a word of the prompts "
            + "stands for: NAME, or else the file's name (A1111) or the tensor's (diffusers). May be given several "
            + "times. [default: none]",
        HelpName = "FILE[=NAME]",
    };

    private readonly Option<string?> _encoded = new("--prompt-embeddings")
    {
        Description = "Safetensors file with encoded prompts in place of --prompt: 'prompt_embeds' [1, 77 k, width], "
            + "and 'negative_prompt_embeds' in place of --negative-prompt where it is there. [default: none]",
        HelpName = "FILE",
    };

    private readonly Option<string?> _save = new("--save-prompt-embeddings")
    {
        Description = "Where to write the encoded prompts in the same form. [default: not written]",
        HelpName = "FILE",
    };

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_syntax, _embedding, _encoded, _save];

    /// <summary>The request with what the options say.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="request">The request without.</param>
    /// <param name="prompt">The prompt as it was given; null for none.</param>
    /// <exception cref="UsageException">There is no prompt, or a value is none of its names.</exception>
    public ImageRequest Read(ParseResult arguments, ImageRequest request, string? prompt)
    {
        string syntax = arguments.GetValue(_syntax)!;
        request = request with
        {
            Prompt = prompt ?? string.Empty,
            PromptSyntax = syntax.ToUpperInvariant() switch
            {
                "WEBUI" => PromptSyntax.WebUi,
                "PLAIN" => PromptSyntax.Plain,
                _ => throw new UsageException($"--prompt-syntax is '{syntax}', but must be 'webui' or 'plain'"),
            },
        };
        if (arguments.GetValue(_encoded) is string path)
        {
            PromptEmbeddingsFile file = PromptEmbeddingsFile.Read(path);
            return request with { PromptEmbedding = file.Prompt, NegativePromptEmbedding = file.Negative };
        }

        return prompt is not null
            ? request
            : throw new UsageException("Option '--prompt' is required; see controlnet generate --help");
    }

    /// <summary>What is to be done with the model before and after it generates.</summary>
    /// <exception cref="UsageException">The file to write cannot be written.</exception>
    public PromptJob ReadJob(ParseResult arguments)
    {
        string? save = arguments.GetValue(_save);
        if (save is not null)
        {
            OutputPath.Check(_save.Name, save, ".safetensors");
        }

        return new PromptJob([.. (arguments.GetValue(_embedding) ?? []).Select(Embedding)], save);
    }

    /// <summary>A path may have an equals sign of its own.</summary>
    private static (string Path, string? Name) Embedding(string given)
    {
        int equals = given.LastIndexOf('=');
        return equals < 0 || File.Exists(given) ? (given, null) : (given[..equals], given[(equals + 1)..]);
    }
}
