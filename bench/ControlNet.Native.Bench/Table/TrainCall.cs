using System;
using System.Collections.Generic;
using System.Text.Json.Nodes;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// One training step of a ControlNet before a frozen UNet: forward, backward, AdamW. Each weight is stepped as soon as
/// its gradient is known, as <see cref="Trainer"/> does without clipping. The peer is
/// <c>bench/peers/torch_train.py</c>.
/// </summary>
internal sealed class TrainCall : TimedCall
{
    private readonly bool _recompute;
    private readonly UnetModel _unet;
    private readonly ControlNetModel _net;
    private readonly AdamWOptimizer _optimizer;
    private readonly Gradients _gradients = new();
    private readonly Tensor _latents, _target, _hint, _states;
    private long _step;

    private TrainCall(JsonObject spec, Device device)
    {
        int size = (int)spec["size"]!, batch = (int)spec["batch"]!, side = size / 8;
        _recompute = (bool)spec["recompute"]!;
        using Checkpoint model = Checkpoint.OpenModel((string)spec["model"]!);
        _unet = new UnetModel(
            model.Unet!.Map(device).For(WeightUse.Frozen), model.Unet.Config, WeightUse.Inference);
        using Checkpoint control = Checkpoint.OpenControlNet((string)spec["control"]!);
        WeightMap weights = control.ControlNet!.Map(device, DType.F32).For(WeightUse.Trained);
        _net = new ControlNetModel(weights, control.ControlNet.Config);
        _optimizer = new AdamWOptimizer([new ParameterGroup("controlnet", weights.Parameters)], emaDecay: 0);
        _latents = ChannelsLast(HashNoise.Tensor(device, 1, batch, 4, side, side));
        _target = ChannelsLast(HashNoise.Tensor(device, 5, batch, 4, side, side));
        using Tensor noise = ChannelsLast(HashNoise.Tensor(device, 4, batch, 3, size, size));
        using Tensor two = Tensor.From(device, new Shape(1), [2f]);
        using Tensor shifted = Ops.Add(noise, two);
        _hint = Ops.Scale(shifted, 0.25f);
        _states = HashNoise.Tensor(device, 2, batch, 77, model.Unet.Config.CrossAttentionDim);
    }

    public static TimedCall Make(JsonObject spec, Device device) => new TrainCall(spec, device);

    public override void Run() => Step();

    public override JsonObject First() => new() { ["loss"] = Step() };

    public override void Dispose()
    {
        IDisposable[] parts = [_gradients, _optimizer, _latents, _target, _hint, _states, _net, _unet];
        Array.ForEach(parts, part => part.Dispose());
    }

    private float Step()
    {
        AdamWSettings settings = new() { LearningRate = 1e-5 };
        long step = ++_step;
        using TensorScope scope = TensorScope.Enter();
        using TextContext text = new(_states.Share());
        using Tape tape = Tape.Record(_recompute);
        ControlResiduals residuals = _net.Forward(_latents, [501], text, _net.EncodeHint(_hint));
        Tensor loss = Ops.MeanSquaredError(_unet.Forward(_latents, [501], text, residuals), _target);
        tape.Backward(loss, _gradients, (value, gradient) =>
        {
            _optimizer.Step(value, gradient, step, settings);
            _gradients.Free(value);
        });
        float result = loss.ToArray()[0];
        _gradients.Clear();
        return result;
    }

    private static Tensor ChannelsLast(Tensor planes)
    {
        using (planes)
        {
            return Ops.ToChannelsLast(planes);
        }
    }
}
