using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Text;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;

namespace ControlNet.Native.Tests.Text;

/// <summary>Weights, <c>AND</c> and schedules as A1111's published parser reads them, and any text at all.</summary>
public sealed class PromptSyntaxTests
{
    private const string Cases = "tokenizer/prompt_syntax.json";

    // Parsing computes nothing on a device.
    private static GoldenContext Context(string root) => new(root, null!);

    [Fact]
    public void Prompts_read_as_recorded()
    {
        PromptSyntaxCheck check = new();
        List<GoldenResult> results = [.. check.Run(Context(Repository.Golden()), Cases)];
        Assert.Equal(90 + 20 + 48, results.Count);
        Assert.All(results, result => Assert.True(result.Passed, $"{result.Case}: {result.Problem} {result.Error}"));
        Assert.Empty(check.NotCovered(Context(Repository.Golden()), Cases));
        Assert.Contains(GoldenChecks.All, one => one is PromptSyntaxCheck);
    }

    [Theory]
    [InlineData("[\"important\", 1.1]", "[\"important\", 1.100000000003]", "attention 1")]
    [InlineData("[\" a dog\", 1.0], [\" a fish\", 2.2]", "[\" a dog\", 1.0], [\" a fish\", 2.3]", "and 1")]
    [InlineData("[[3, \"a \"], [10, \"a b\"]]", "[[4, \"a \"], [10, \"a b\"]]", "schedule 1, 10 steps")]
    public void A_falsified_expectation_fails(string recorded, string falsified, string failing)
    {
        using TemporaryFolder folder = new();
        string golden = File.ReadAllText(Repository.Golden("tokenizer", "prompt_syntax.json"));
        int at = golden.IndexOf(recorded, StringComparison.Ordinal);
        Assert.True(at > 0, "the file is written otherwise; choose another text to falsify");
        folder.Write(Cases, $"{golden[..at]}{falsified}{golden[(at + recorded.Length)..]}");
        GoldenResult failed = Assert.Single(
            new PromptSyntaxCheck().Run(Context(folder.Path), Cases), result => !result.Passed);
        Assert.Equal(failing, failed.Case);
    }

    [Fact]
    public void No_text_is_wrong()
    {
        Random random = new(5);
        string[] parts =
        [
            "(", ")", "[", "]", ":", "|", "\\", "\n", " ", "a", "AND", "BREAK", "1.5", "-", "0", ".", "3", "é",
            "\ud800",
        ];
        for (int round = 0; round < 20_000; round++)
        {
            string text = string.Concat(
                Enumerable.Range(0, random.Next(12)).Select(_ => parts[random.Next(parts.Length)]));
            IReadOnlyList<WeightedText> pieces = PromptAttention.Parse(text);
            Assert.NotEmpty(pieces);
            Assert.All(pieces.Skip(1).Zip(pieces), pair => Assert.NotEqual(pair.First.Weight, pair.Second.Weight));
            Assert.NotEmpty(PromptConjunction.Split(text));
            IReadOnlyList<ScheduledText> schedule = PromptSchedule.Parse(text, 7);
            Assert.Equal(7, schedule[^1].EndStep);
            Assert.All(schedule, entry => Assert.InRange(entry.EndStep, 1, 7));
            Assert.Equal(schedule.Select(entry => entry.EndStep).Distinct().Order(), schedule.Select(e => e.EndStep));
        }
    }

    [Theory]
    [InlineData("(")]
    [InlineData("[")]
    [InlineData("[a:")]
    [InlineData("(a)")]
    [InlineData("[a:b:3]")]
    [InlineData("[a|b]")]
    [InlineData("]")]
    public void Long_texts_take_no_time(string part)
    {
        string text = string.Concat(Enumerable.Repeat(part, ImageRequest.MaxPromptLength / part.Length));
        Stopwatch watch = Stopwatch.StartNew();
        Assert.NotEmpty(PromptAttention.Parse(text));
        Assert.NotEmpty(PromptConjunction.Split(text));
        Assert.Equal(3, PromptSchedule.Parse(text, 3)[^1].EndStep);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 20);
    }

    [Theory]
    [InlineData("[a:b:0.5] c|d", "[a:b:0.5] c|d", "[a:b:0.5] c|d")]
    [InlineData("[a:b:0.5] (c|d)", "[a:b:0.5] (c|d)", "[a:b:0.5] (c|d)")]
    [InlineData("[a:b:0.5] \\|", "a \\|", "b \\|")]
    [InlineData("[a:b:1e0]", "a", "b")]
    [InlineData("[a:b:c:0.5]", "[a:b:c:0.5]", "[a:b:c:0.5]")]
    [InlineData("([a:b:0.5]", "(a", "(b")]
    [InlineData("(a [b:c:0.5] d]", "(a b d]", "(a c d]")]
    [InlineData("[[a|b]:c:0.5]", "a", "c")]
    [InlineData("[a:b:0.4999999999]", "b", "b")]
    public void What_a_prompt_is_in_the_first_of_two_steps_and_in_the_last(string prompt, string first, string last)
    {
        IReadOnlyList<ScheduledText> schedule = PromptSchedule.Parse(prompt, 2);
        Assert.Equal((first, last), (schedule[0].Text, schedule[^1].Text));
    }

    [Fact]
    public void Deep_prompts_are_text()
    {
        string deep = string.Concat(Enumerable.Repeat("[", 101)) + "a" + string.Concat(Enumerable.Repeat(":1]", 101));
        Assert.Equal([new ScheduledText(4, deep)], PromptSchedule.Parse(deep, 4));
        string shallow = deep[1..^3];
        Assert.Equal(["", "a"], PromptSchedule.Parse(shallow, 4).Select(entry => entry.Text));
    }
}
