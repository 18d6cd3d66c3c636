using System;
using System.Collections.Generic;
using System.Text;

namespace ControlNet.Native.Text;

/// <summary>A part of a prompt that may change from step to step; steps are counted from 1.</summary>
internal abstract class ScheduleNode
{
    /// <summary>Appends what the part is in a step.</summary>
    public abstract void Write(int step, int steps, StringBuilder text);

    /// <summary>Adds the steps after which it may be something else.</summary>
    public abstract void AddEnds(int steps, SortedSet<int> ends);
}

/// <summary>Text that stays.</summary>
internal sealed class ScheduleText : ScheduleNode
{
    /// <summary>The text, appended to while a prompt is read.</summary>
    public StringBuilder Text { get; } = new();

    /// <inheritdoc/>
    public override void Write(int step, int steps, StringBuilder text) => text.Append(Text);

    /// <inheritdoc/>
    public override void AddEnds(int steps, SortedSet<int> ends) { }
}

/// <summary><c>[before:after:when]</c></summary>
/// <param name="before">Up to the step and in it.</param>
/// <param name="after">From then on.</param>
/// <param name="when">A step, or a share of the steps.</param>
/// <param name="isShare">Which of both.</param>
internal sealed class ScheduleChange(
    List<ScheduleNode> before, List<ScheduleNode> after, double when, bool isShare) : ScheduleNode
{
    /// <inheritdoc/>
    public override void Write(int step, int steps, StringBuilder text) =>
        (step <= End(steps) ? before : after).ForEach(node => node.Write(step, steps, text));

    /// <inheritdoc/>
    public override void AddEnds(int steps, SortedSet<int> ends)
    {
        int end = End(steps);
        if (end >= 1)
        {
            ends.Add(end);
        }

        before.ForEach(node => node.AddEnds(steps, ends));
        after.ForEach(node => node.AddEnds(steps, ends));
    }

    // Rounded towards zero, as Python's int does.
    private int End(int steps) => (int)Math.Clamp(isShare ? when * steps : when, 0, steps);
}

/// <summary><c>[a|b|c]</c></summary>
/// <param name="choices">What takes turns, one a step; two or more.</param>
internal sealed class ScheduleTurns(List<List<ScheduleNode>> choices) : ScheduleNode
{
    /// <inheritdoc/>
    public override void Write(int step, int steps, StringBuilder text) =>
        choices[(step - 1) % choices.Count].ForEach(node => node.Write(step, steps, text));

    /// <inheritdoc/>
    public override void AddEnds(int steps, SortedSet<int> ends)
    {
        for (int step = 1; step <= steps; step++)
        {
            ends.Add(step);
        }
    }
}
