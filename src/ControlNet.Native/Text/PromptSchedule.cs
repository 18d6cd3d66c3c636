using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace ControlNet.Native.Text;

/// <summary>A text and the last step it is used in.</summary>
/// <param name="EndStep">Counted from 1.</param>
/// <param name="Text">The prompt in these steps; weights are still in it.</param>
public readonly record struct ScheduledText(int EndStep, string Text);

/// <summary>
/// Prompts that change on the way: <c>[from:to:when]</c> is <c>from</c> up to a step and <c>to</c> after it,
/// <c>[a|b]</c> one after the other, a step each. Source: A1111 stable-diffusion-webui, prompt_parser.py
/// <c>get_learned_conditioning_prompt_schedules</c>, whose results it gives.
/// </summary>
/// <remarks>
/// <c>when</c> is a share of the steps where it has a dot, and else a step. <c>[to:when]</c> has nothing before,
/// <c>[from::when]</c> nothing after. Brackets that mean nothing of the kind stay for
/// <see cref="PromptAttention"/>; where a bar stands outside of brackets the whole prompt is taken as it is, as there.
/// </remarks>
public static class PromptSchedule
{
    /// <summary>Works out what the prompt is in which step.</summary>
    /// <param name="text">Any text; none is wrong.</param>
    /// <param name="steps">Steps in all, at least 1.</param>
    /// <returns>At least one text, in the order of steps; the last one ends at <paramref name="steps"/>.</returns>
    public static IReadOnlyList<ScheduledText> Parse(string text, int steps)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (ScheduleParser.Parse(text) is not { } nodes)
        {
            return [new ScheduledText(steps, text)];
        }

        SortedSet<int> ends = [steps];
        nodes.ForEach(node => node.AddEnds(steps, ends));
        return [.. ends.Select(step => new ScheduledText(step, TextAt(nodes, step, steps)))];
    }

    private static string TextAt(List<ScheduleNode> nodes, int step, int steps)
    {
        StringBuilder text = new();
        nodes.ForEach(node => node.Write(step, steps, text));
        return text.ToString();
    }
}
