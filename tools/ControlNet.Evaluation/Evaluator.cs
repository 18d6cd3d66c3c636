using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using ControlNet.Datasets;
using ControlNet.Native;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;

namespace ControlNet.Evaluation;

/// <summary>
/// Draws scenes nobody trained on, asks a model for them, and measures how well it obeys. Every row gets the same
/// scenes and the same noise.
/// </summary>
public sealed class Evaluator : IDisposable
{
    private readonly string _path;
    private readonly StableDiffusion _model;
    private readonly Dictionary<string, ControlNetModel> _nets = new(StringComparer.Ordinal);
    private readonly EvaluationOptions _options;
    private readonly Shapes _scenes;

    /// <summary>Loads the base model.</summary>
    public Evaluator(string model, Device device, EvaluationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _path = model;
        _model = StableDiffusion.Load(model, device);
        _options = options;
        _scenes = new Shapes(options.Seed, options.Size);
    }

    /// <summary>Measures one row.</summary>
    /// <param name="row">How the scenes are asked for.</param>
    /// <param name="progress">Told after each scene.</param>
    /// <param name="cancellation">Ends the row.</param>
    public EvaluationResult Run(
        EvaluationRow row, IProgress<EvaluationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(row);
        List<SceneScore> scores = [];
        List<RgbImage> sheet = [];
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < _options.Scenes; i++)
        {
            Scene scene = _scenes.At(i);
            RgbImage image = _model.Generate(Request(row, scene, seed: i), cancellation: cancellation).Image;
            scores.Add(SceneScore.Of(scene, image));
            if (i < _options.SheetScenes)
            {
                sheet.Add(image);
            }

            progress?.Report(new EvaluationProgress(row.Name, i + 1, _options.Scenes));
        }

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds / _options.Scenes;
        return new EvaluationResult(row, scores, sheet, seconds);
    }

    /// <summary>
    /// Whether a network that is not to act changes nothing: at scale 0, and before its first training step.
    /// </summary>
    /// <param name="control">The trained network, for scale 0.</param>
    /// <param name="untrained">The network at step 0, at full scale; null cuts one from the base model.</param>
    /// <returns>Whether all pictures are those of the base model, bit for bit.</returns>
    public (bool ScaleZero, bool StepZero) IsIdentity(EvaluationControl control, EvaluationControl? untrained)
    {
        using ControlNetModel? cut = untrained is null ? ControlNetTrainer.FromUnet(_path, _model.Device) : null;
        bool scaleZero = true, stepZero = true;
        for (int i = 0; i < Math.Min(4, _options.Scenes); i++)
        {
            Scene scene = _scenes.At(i);
            ImageRequest plain = Request(new EvaluationRow("base", []), scene, seed: i);
            float[] expected = _model.Generate(plain).Decoded.ToArray();
            ControlInput trained = Input(control, scene, ControlMode.Balanced);
            scaleZero &= Same(trained with { Scale = 0 });
            stepZero &= Same(
                cut is null ? Input(untrained!, scene, ControlMode.Balanced) : trained with { Net = cut });

            bool Same(ControlInput input) =>
                _model.Generate(plain with { Controls = [input] }).Decoded.Span.SequenceEqual(expected);
        }

        return (scaleZero, stepZero);
    }

    /// <summary>The pictures the scenes stand for, and their hints, for the contact sheet.</summary>
    public IReadOnlyList<IReadOnlyList<RgbImage>> Originals() =>
    [
        .. Enumerable.Range(0, Math.Min(_options.SheetScenes, _options.Scenes))
            .Select(i => _scenes.At(i))
            .Select(scene => (IReadOnlyList<RgbImage>)
            [
                scene.DrawHint(HintKind.Edges, _options.Size), scene.DrawTarget(_options.Size),
            ]),
    ];

    /// <summary>Frees the models.</summary>
    public void Dispose()
    {
        foreach (ControlNetModel net in _nets.Values)
        {
            net.Dispose();
        }

        _model.Dispose();
    }

    private ImageRequest Request(EvaluationRow row, Scene scene, long seed) => new()
    {
        Prompt = row.UsesPrompt ? scene.Caption : string.Empty,
        PromptSyntax = PromptSyntax.Plain,
        Width = _options.Size,
        Height = _options.Size,
        Steps = _options.Steps,
        GuidanceScale = row.UsesPrompt ? _options.GuidanceScale : _options.GuessGuidanceScale,
        Seed = seed,
        Controls = [.. row.Controls.Select(control => Input(control, scene, row.Mode))],
    };

    private ControlInput Input(EvaluationControl control, Scene scene, ControlMode mode)
    {
        if (!_nets.TryGetValue(control.Folder, out ControlNetModel? net))
        {
            _nets.Add(control.Folder, net = ControlNetModel.Load(control.Folder, _model.Device));
        }

        return new ControlInput { Net = net, Image = scene.DrawHint(control.Hint, _options.Size), Mode = mode };
    }
}
