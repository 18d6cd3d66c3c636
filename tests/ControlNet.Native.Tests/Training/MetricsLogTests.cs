using System;
using System.IO;
using System.Linq;
using System.Text;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class MetricsLogTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();
    private readonly string _path;

    public MetricsLogTests()
    {
        _path = _scratch.Path("metrics.jsonl");
    }

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void One_object_a_step()
    {
        using (MetricsLog log = MetricsLog.Open(_path, 0))
        {
            log.Write(new TrainingMetrics(1, 0.25, 1e-5, 1.5, 3) { Fidelity = 0.125 });
            log.Write(new TrainingMetrics(2, double.NaN, 1e-5, double.PositiveInfinity, 3));
            Assert.Equal(
                """
                {"step":1,"loss":0.25,"learning_rate":1E-05,"gradient_norm":1.5,"images_per_second":3,"fidelity":0.125}
                {"step":2,"loss":null,"learning_rate":1E-05,"gradient_norm":null,"images_per_second":3}

                """,
                Shared());
        }

        Assert.Equal(
            [
                new TrainingMetrics(1, 0.25, 1e-5, 1.5, 3) { Fidelity = 0.125 },
                new TrainingMetrics(2, double.NaN, 1e-5, double.NaN, 3),
            ],
            MetricsLog.Read(_path));
    }

    /// <summary>Stopped after any step, torn at any byte of the last line, resumed: the same file.</summary>
    [Fact]
    public void A_resumed_log_equals_the_uninterrupted_one()
    {
        WriteSteps(0, 30);
        byte[] uninterrupted = File.ReadAllBytes(_path);
        int[] ends = [.. Enumerable.Range(0, uninterrupted.Length).Where(i => uninterrupted[i] == '\n')];
        for (int cut = ends[19] + 1; cut <= ends[21] + 1; cut++)
        {
            File.WriteAllBytes(_path, uninterrupted[..cut]);
            WriteSteps(20, 30);
            Assert.Equal(uninterrupted, File.ReadAllBytes(_path));
        }

        for (int resumed = 0; resumed <= 30; resumed++)
        {
            WriteSteps(resumed, 30);
            Assert.Equal(uninterrupted, File.ReadAllBytes(_path));
        }
    }

    [Fact]
    public void Torn_and_foreign_lines_are_passed_over()
    {
        string torn = "{\"step\":1}\nrubbish\n{\"step\":2,\"loss\":0.5}\n[3]\n{\"step\":\"x\"}\n\n{\"step\":3,\"lo";
        File.WriteAllText(_path, torn);
        Assert.Equal([1L, 2L], MetricsLog.Read(_path).Select(metrics => metrics.Step));
        Assert.Equal(0.5, MetricsLog.Read(_path)[1].Loss);
        MetricsLog.Open(_path, 5).Dispose();
        Assert.Equal("{\"step\":1}\nrubbish\n{\"step\":2,\"loss\":0.5}\n", File.ReadAllText(_path));
        MetricsLog.Open(_path, 0).Dispose();
        Assert.Equal(0, new FileInfo(_path).Length);
    }

    [Fact]
    public void Lines_longer_than_the_buffer_are_read()
    {
        StringBuilder text = new();
        for (int step = 1; step <= 40; step++)
        {
            text.Append("{\"step\":").Append(step).Append(",\"note\":\"").Append('x', 9000 * step).Append("\"}\n");
        }

        File.WriteAllText(_path, text.ToString());
        Assert.Equal(Enumerable.Range(1, 40).Select(i => (long)i), MetricsLog.Read(_path).Select(m => m.Step));
        MetricsLog.Open(_path, 39).Dispose();
        Assert.Equal(39, MetricsLog.Read(_path).Count);
    }

    [Fact]
    public void Files_that_cannot_be_opened_are_named()
    {
        string missing = Path.Combine(_scratch.Root, "none", "metrics.jsonl");
        Assert.StartsWith(
            $"{missing}: cannot be opened (",
            Assert.Throws<TrainingStateException>(() => MetricsLog.Open(missing, 0)).Message, StringComparison.Ordinal);
        Assert.StartsWith(
            $"{missing}: cannot be read (",
            Assert.Throws<TrainingStateException>(() => MetricsLog.Read(missing)).Message, StringComparison.Ordinal);
    }

    private void WriteSteps(int from, int to)
    {
        using MetricsLog log = MetricsLog.Open(_path, from);
        for (int step = from + 1; step <= to; step++)
        {
            log.Write(new TrainingMetrics(step, 1.0 / step, 1e-5, Math.Sqrt(step), 2)
            {
                Fidelity = step % 7 == 0 ? step / 30.0 : null,
            });
        }

        log.FlushToDisk();
    }

    private string Shared()
    {
        using StreamReader reader = new(new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }
}
