using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Tests.Training;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

public sealed class TrainTests : IDisposable
{
    private const string Quick =
        "--size 32 --batch 2 --lr 1e-3 --sample-every 0 --save-every 100 --threads 2 --hint edges";

    private readonly TrainingSandbox _box = new();

    public void Dispose() => _box.Dispose();

    [Fact]
    public async Task A_new_model_is_trained_part_by_part_and_steered()
    {
        string model = _box.Path("model"), vae = _box.Path("vae"), unet = _box.Path("unet"), net = _box.Path("net");
        await Succeed($"new-model --template {TrainingSandbox.Base} --out {model} --seed 3");
        string quick = Quick.Replace("--hint edges", $"--steps 2 --data {_box.Set}", StringComparison.Ordinal);
        CliRun run = await Succeed($"train --part vae --model {model} --out {vae} {quick} --kl-weight 1e-6");
        Assert.Contains($"use it: controlnet train --part unet --model {vae}/final", run.Output);
        await Succeed($"train --part unet --model {vae}/final --out {unet} {quick} --ema 0.9");
        run = await Succeed(
            $"train --model {unet}/final --out {net} {quick} --hint depth --lr-schedule cosine --warmup 1");
        Assert.Matches("(?m)^memory: [0-9.]+ MiB: weights", run.Output);
        Assert.Contains("from step 0 to 2", run.Output);
        Assert.Matches("step 2/2 \\| loss", run.Error);
        await Succeed(
            $"generate --model {unet}/final --control-net {net}/final --control-image {_box.Set}/depth/0.png " +
            $"--prompt circle --steps 2 --width 32 --height 32 --output {_box.Path("out.png")}");
    }

    [Theory]
    [InlineData("--steps 0", "--steps is 0, but must be from 1 to *")]
    [InlineData("--batch 0", "--batch is 0, but must be from 1 to 4096")]
    [InlineData("--lr 0", "--lr is 0, but must be from *")]
    [InlineData("--ema 1", "--ema is 1, but must be from 0 to *")]
    [InlineData("--warmup -1", "--warmup is -1, but must be from 0 to *")]
    [InlineData("--prompt-drop 2", "--prompt-drop is 2, but must be from 0 to 1")]
    [InlineData("--max-timestep 1000", "--max-timestep is 1000, but must be from 0 to 999")]
    [InlineData("--min-timestep 9 --max-timestep 8", "--max-timestep is 8, but must be from 9 to *")]
    [InlineData("--keep 1", "--keep is 1, but must be from 2 to 1000")]
    [InlineData("--size 33", "--width is 33, but must be a multiple of 8 pixels")]
    [InlineData(
        "--size 32 --width 32", "--size is the edge of square pictures; leave it out beside --width and --height")]
    [InlineData("--part clip", "--part is 'clip', but must be 'controlnet', 'unet' or 'vae'")]
    [InlineData("--fit pad", "--fit is 'pad', but must be 'crop' or 'stretch'")]
    [InlineData("--fidelity eye", "--fidelity is 'eye', but must be 'none', 'mask' or 'edges'")]
    [InlineData("--lr-schedule up", "--lr-schedule is 'up', but must be 'constant', *")]
    [InlineData("--export-type i32", "--export-type is 'i32', but must be 'f32', 'f16' or 'bf16'")]
    [InlineData("--export-layout cldm", "--export-layout is 'cldm', but must be 'diffusers', 'original' or 'both'")]
    [InlineData("--part vae --hint edges", "--hint is for --part controlnet, not vae")]
    [InlineData("--kl-weight 1", "--kl-weight is for --part vae, not controlnet")]
    [InlineData("--max-memory lots", "--max-memory is 'lots', but must be an amount of memory *")]
    [InlineData("--hint sound", "*prompt.json: line 1: there is no hint 'sound'*")]
    [InlineData("--data nowhere", "nowhere: there is no such folder; check the path")]
    [InlineData("--model nowhere", "*nowhere*")]
    [InlineData(
        "--max-memory 1MiB", "training takes * bytes (*), but 1048576 (1.0 MiB) are there; what helps: --recompute, *")]
    public async Task What_cannot_be_done_is_one_sentence(string arguments, string sentence)
    {
        string data = arguments.StartsWith("--data", StringComparison.Ordinal) ? "" : $" --data {_box.Set}";
        string model = arguments.StartsWith("--model", StringComparison.Ordinal)
            ? ""
            : $" --model {TrainingSandbox.Base}";
        string size = arguments.Contains("--size", StringComparison.Ordinal) ? "" : " --size 32";
        string folder = _box.Path("run");
        CliRun run = await CliRun.Of($"train {arguments}{data}{model}{size} --out {folder}".Split(' '));

        Assert.Equal(2, run.ExitCode);
        Assert.Matches(Wildcard.Pattern($"error: {sentence}"), Assert.Single(run.ErrorLines));
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task A_picture_that_is_none_is_named_by_its_line()
    {
        foreach (string picture in Directory.GetFiles(Path.Combine(_box.Set, "target")))
        {
            await File.WriteAllTextAsync(picture, "no picture");
        }

        CliRun run = await CliRun.Of(Line("run"));

        Assert.Equal(2, run.ExitCode);
        Assert.Matches(@"^error: .*prompt\.json: line \d: target cannot be read: ", Assert.Single(run.ErrorLines));
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task A_signal_saves_and_the_run_goes_on(string signal)
    {
        using Process process = CliRun.Start([.. Line("run"), "--steps", "100000"]);
        string metrics = Path.Combine(_box.Path("run"), "metrics.jsonl");
        for (int i = 0; i < 600 && (!File.Exists(metrics) || new FileInfo(metrics).Length == 0); i++)
        {
            await Task.Delay(100);
        }

        using Process kill = Process.Start("kill", ["-s", signal, $"{process.Id}"]);
        CliRun run = await CliRun.Finish(process);

        Assert.Equal(130, run.ExitCode);
        Match stopped = Regex.Match(
            run.Output, @"^stopped after step (\d+), which is saved; go on with --resume", RegexOptions.Multiline);
        Assert.True(stopped.Success, run.Output);
        Assert.EndsWith("cancelled\n", run.Error);
        string newest = Directory.GetDirectories(Path.Combine(_box.Path("run"), "checkpoints")).Max()!;
        Assert.EndsWith($"step-{int.Parse(stopped.Groups[1].Value, CultureInfo.InvariantCulture):00000000}", newest);
        CliRun resumed = await Succeed(string.Join(' ', [.. Line("run"), "--resume", "--steps", "1"]));
        Assert.Matches(@"from step [1-9]\d* to 1", resumed.Output);
        CliRun anew = await CliRun.Of([.. Line("run"), "--steps", "1"]);
        Assert.Equal(2, anew.ExitCode);
        Assert.Contains("resume it (--resume) or choose another folder", Assert.Single(anew.ErrorLines));
    }

    private string[] Line(string run) =>
        $"train --model {TrainingSandbox.Base} --data {_box.Set} --out {_box.Path(run)} {Quick}".Split(' ');

    private static async Task<CliRun> Succeed(string line)
    {
        CliRun run = await CliRun.Of(line.Split(' '));
        Assert.True(run.ExitCode == 0, run.Error);
        return run;
    }
}
