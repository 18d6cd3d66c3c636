using System.Collections.Generic;
using ControlNet.Datasets;
using ControlNet.Native;

namespace ControlNet.Evaluation;

/// <summary>One way of asking for the same scenes.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="Controls">Which networks read which hints.</param>
/// <param name="UsesPrompt">Whether the scene's caption is given; else the prompt is empty.</param>
/// <param name="Mode">How the hints weigh against the prompt.</param>
public sealed record EvaluationRow(
    string Name, IReadOnlyList<EvaluationControl> Controls, bool UsesPrompt = true,
    ControlMode Mode = ControlMode.Balanced);

/// <summary>A network and the hint it was trained on.</summary>
/// <param name="Folder">Its checkpoint.</param>
/// <param name="Hint">What it reads.</param>
public sealed record EvaluationControl(string Folder, HintKind Hint);
