namespace ControlNet.Evaluation;

/// <summary>How far a row of an evaluation is.</summary>
/// <param name="Row">What the table calls it.</param>
/// <param name="Completed">Scenes generated and scored.</param>
/// <param name="Total">Scenes of the row.</param>
public readonly record struct EvaluationProgress(string Row, int Completed, int Total);
