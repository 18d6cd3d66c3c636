using System;
using System.Collections.Generic;
using System.Text.Json;
using ControlNet.Native.Training;

namespace ControlNet.Verification.Checks;

/// <summary>
/// The learning-rate schedules against the factors of diffusers, every step of every shape: one result a shape, its
/// worst relative error.
/// </summary>
public sealed class LearningRateCheck : GoldenCheck
{
    private const double Limit = 1e-12;

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) => ["ops/lr_schedules.json"];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        JsonElement golden = context.Json(file);
        foreach (JsonProperty shape in golden.GetProperty("factors").EnumerateObject())
        {
            if (ShapeOf(shape.Name) is not LearningRateShape known)
            {
                yield return new GoldenResult(shape.Name, 1, 0, "the library has no schedule of that name");
                continue;
            }

            LearningRateSchedule schedule = new()
            {
                Shape = known,
                BaseRate = golden.GetProperty("base_lr").GetDouble(),
                WarmupSteps = golden.GetProperty("num_warmup_steps").GetInt32(),
                TotalSteps = golden.GetProperty("num_training_steps").GetInt32(),
                Cycles = known == LearningRateShape.CosineWithRestarts ? 3 : null,
            };
            double worst = 0;
            long step = 0;
            foreach (JsonElement factor in shape.Value.EnumerateArray())
            {
                double expected = factor.GetDouble();
                double error = Math.Abs(schedule.Factor(step++) - expected);
                worst = Math.Max(worst, error / Math.Max(Math.Abs(expected), 1e-3));
            }

            yield return new GoldenResult(shape.Name, step == 0 ? double.NaN : worst, Limit);
        }
    }

    private static LearningRateShape? ShapeOf(string name) => name switch
    {
        "constant" => LearningRateShape.Constant,
        "constant_with_warmup" => LearningRateShape.ConstantWithWarmup,
        "linear" => LearningRateShape.Linear,
        "cosine" => LearningRateShape.Cosine,
        "cosine_restarts" => LearningRateShape.CosineWithRestarts,
        "polynomial" => LearningRateShape.Polynomial,
        _ => null,
    };
}
