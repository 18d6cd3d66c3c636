using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;

namespace ControlNet.Native.Tests.Text;

public class TokenizerGoldenTests
{
    private const string TinyModels = "outputs/tokenizer.json";

    // Tokenizing computes nothing on a device.
    private static GoldenContext Context(string root) => new(root, null!);

    [Fact]
    public void Tiny_models_tokenize_as_recorded()
    {
        List<GoldenResult> results = [.. new TokenizerCheck().Run(Context(Repository.Golden()), TinyModels)];

        Assert.Equal(64, results.Count);
        Assert.All(results, result => Assert.True(result.Passed, $"{result.Case}: {result.Problem}"));
    }

    [Fact]
    public void Says_what_the_missing_vocabulary_leaves_out()
    {
        GoldenContext context = Context(Repository.Golden());
        TokenizerCheck check = new();

        Assert.False(Directory.Exists(Repository.Golden("vocab")), "CLIP's vocabulary must not be in the repository");
        Assert.Empty(check.Run(context, "tokenizer/clip_bpe.json"));
        Assert.Equal(
            ["vocab/bpe_simple_vocab_16e6.txt.gz is not in this folder"],
            check.NotCovered(context, "tokenizer/clip_bpe.json"));
        Assert.Equal(
            ["vocab/bpe_simple_vocab_16e6.txt.gz is not in this folder"],
            check.NotCovered(context, "tokenizer/framing77.json"));
        Assert.Equal(
            ["full49408_ids: vocab/bpe_simple_vocab_16e6.txt.gz is not in this folder"],
            check.NotCovered(context, TinyModels));
    }

    [Fact]
    public void A_falsified_expectation_fails()
    {
        using TemporaryFolder folder = new();
        foreach (string model in (string[])["sd1-tiny", "sd2-tiny"])
        {
            foreach (string file in Directory.EnumerateFiles(Repository.Golden("models", model, "tokenizer")))
            {
                folder.Write($"models/{model}/tokenizer/{Path.GetFileName(file)}", File.ReadAllBytes(file));
            }
        }

        string golden = File.ReadAllText(Repository.Golden("outputs", "tokenizer.json"));
        const string Recorded = "\"ids\": [320, 615, 517,";
        int at = golden.IndexOf(Recorded, StringComparison.Ordinal);
        Assert.True(at > 0, "the first prompt begins otherwise; choose other ids to falsify");
        folder.Write(
            "outputs/tokenizer.json", $"{golden[..at]}\"ids\": [320, 615, 518,{golden[(at + Recorded.Length)..]}");

        GoldenResult failed = Assert.Single(
            new TokenizerCheck().Run(Context(folder.Path), TinyModels), result => !result.Passed);
        Assert.StartsWith("expected [320, 615, 518,", failed.Problem, StringComparison.Ordinal);
    }
}
