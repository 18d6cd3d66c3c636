using System;
using System.IO;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

/// <summary>What goes wrong in a run costs nothing that was saved.</summary>
public sealed class TrainerFailureTests : IDisposable
{
    private readonly TrainingSandbox _box = new();

    public void Dispose() => _box.Dispose();

    [Fact]
    public void A_step_without_a_finite_loss_is_skipped_and_counted()
    {
        using Trainer trainer = Broken(batch => batch is 1 or 3, TrainingSandbox.Vae);
        trainer.Run();
        Assert.Equal((5, 2), (trainer.Step, trainer.SkippedSteps));
        Assert.Equal(5, MetricsLog.Read(_box.Path("run/metrics.jsonl")).Count);
    }

    [Fact]
    public void Too_many_in_a_row_end_the_run()
    {
        using Trainer trainer = Broken(batch => batch >= 3, TrainingSandbox.Vae with { MaxSkippedInARow = 2 });
        TrainingException e = Assert.Throws<TrainingException>(() => trainer.Run());
        Assert.Equal(
            "step 4: loss NaN or gradient 0 is not finite, and this is time 3 in a row; the checkpoint of step 2 is " +
            "as it was; lower the learning rate and begin anew in another folder",
            e.Message);
        Assert.False(Directory.Exists(_box.Path("run/final")));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public void A_rate_far_too_high_ends_the_run(double clip)
    {
        TrainingOptions options = TrainingSandbox.Vae with
        {
            ClipNorm = clip,
            SaveEvery = 1,
            Steps = 60,
            MaxSkippedInARow = 2,
            WeightDecay = 0,
            Schedule = new LearningRateSchedule { BaseRate = 1 },
        };
        using Trainer trainer = Broken(_ => false, options);
        Exception? e = Record.Exception(() => trainer.Run());
        Assert.True(e is null or TrainingException, e?.ToString());
        using TrainingStore store = Released(trainer);
        using TrainingCheckpoint? checkpoint = store.OpenLatest("autoencoder 44287 weights", out _);
        Assert.NotNull(checkpoint);
    }

    [Fact]
    public void A_full_disk_ends_the_run_and_keeps_what_was_saved()
    {
        AutoencoderTrainingOptions options = TrainingSandbox.Vae;
        using (Trainer trainer = TrainerFactory.Open(
            () => Task(options), options, _box.Data(false), _box.Path("run"), new(), false, new SmallDisk(900_000)))
        {
            TrainingStateException e = Assert.Throws<TrainingStateException>(() => trainer.Run());
            Assert.Contains("No space left on device", e.Message);
            Assert.Contains("step-00000002 is as it was", e.Message);
            Assert.True(e.NeededBytes > 0);
        }

        _box.Train(options, "run", resume: true);
        _box.Train(options, "whole");
        _box.AssertSame("whole", "run");
    }

    [Fact]
    public void A_picture_that_goes_missing_costs_no_step()
    {
        AutoencoderTrainingOptions options = TrainingSandbox.Vae with { SaveEvery = 100, BatchSize = 1, Steps = 6 };
        string picture = Path.Combine(_box.Set, "target", "0.png"), aside = _box.Path("aside.png");
        string name = File.Exists(picture) ? picture : Directory.GetFiles(Path.GetDirectoryName(picture)!)[0];
        long reached;
        using (Trainer trainer = _box.Open(options, "run"))
        {
            File.Move(name, aside);
            TrainingDataException e = Assert.Throws<TrainingDataException>(() => trainer.Run());
            Assert.Matches(@"prompt\.json: line \d+: target cannot be read", e.Message);
            reached = trainer.Step;
        }

        File.Move(aside, name);
        using (Trainer trainer = _box.Open(options, "run", resume: true))
        {
            Assert.Equal(reached, trainer.Step);
            trainer.Run();
        }

        _box.Train(options, "whole");
        _box.AssertSame("whole", "run");
    }

    [Fact]
    public void A_second_trainer_is_refused()
    {
        using Trainer first = _box.Open(TrainingSandbox.Vae, "run");
        Assert.Throws<TrainingStateException>(() => _box.Open(TrainingSandbox.Vae, "run"));
    }

    [Fact]
    public void A_run_is_not_begun_over_another()
    {
        _box.Train(TrainingSandbox.Vae, "run");
        TrainingStateException e = Assert.Throws<TrainingStateException>(() => _box.Open(TrainingSandbox.Vae, "run"));
        Assert.EndsWith("holds a training run at step 5; resume it (--resume) or choose another folder", e.Message);
    }

    [Fact]
    public void Other_settings_are_refused()
    {
        _box.Train(TrainingSandbox.Vae, "run");
        TrainingStateException e = Assert.Throws<TrainingStateException>(
            () => _box.Open(TrainingSandbox.Vae with { BatchSize = 3 }, "run", resume: true));
        Assert.Contains("trained with other settings (batch 2, now batch 3)", e.Message);
    }

    [Fact]
    public void Another_architecture_is_refused()
    {
        _box.Train(TrainingSandbox.Vae, "run");
        TrainingStateException e = Assert.Throws<TrainingStateException>(
            () => _box.Open(TrainingSandbox.Unet, "run", resume: true));
        Assert.Contains("is of another architecture: 'autoencoder 44287 weights'", e.Message);
    }

    [Fact]
    public void What_could_not_be_exported_is_refused_at_once()
    {
        TrainingFolder data = _box.Data(false);
        string file = Path.Combine(TrainingSandbox.Base, "model_index.json");
        string inside = Path.Combine(TrainingSandbox.Base, "run");
        Assert.Contains("not a single file", Assert.Throws<TrainingOptionsException>(() =>
            BaseTrainer.OpenAutoencoder(file, data, _box.Path("run"), _box.Device, TrainingSandbox.Vae)).Message);
        Assert.Contains("lies in the base model", Assert.Throws<TrainingOptionsException>(() =>
            BaseTrainer.OpenAutoencoder(
                TrainingSandbox.Base, data, inside, _box.Device, TrainingSandbox.Vae)).Message);
        Assert.Contains("without hints", Assert.Throws<TrainingOptionsException>(() =>
            ControlNetTrainer.Open(
                TrainingSandbox.Base, data, _box.Path("run"), _box.Device, TrainingSandbox.Net)).Message);
        Assert.False(Directory.Exists(inside));
    }

    private AutoencoderTask Task(AutoencoderTrainingOptions options) =>
        new(TrainingSandbox.Base, _box.Device, options, new LoadOptions());

    private Trainer Broken(Func<int, bool> isBroken, TrainingOptions options) => TrainerFactory.Open(
        () => new BrokenTask(Task((AutoencoderTrainingOptions)options), isBroken), options, _box.Data(false),
        _box.Path("run"), new LoadOptions(), resume: false);

    private TrainingStore Released(Trainer trainer)
    {
        trainer.Dispose();
        return TrainingStore.Open(_box.Path("run"));
    }
}
