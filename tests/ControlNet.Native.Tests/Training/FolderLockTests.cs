using System;
using System.IO;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class FolderLockTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void The_second_trainer_refuses()
    {
        using (FolderLock.Take(_scratch.Root))
        {
            Assert.Equal(
                $"{_scratch.Root}: process {Environment.ProcessId} trains there; wait for it, stop it, or train " +
                "elsewhere",
                Assert.Throws<TrainingStateException>(() => FolderLock.Take(_scratch.Root)).Message);
            Assert.Throws<TrainingStateException>(() => TrainingStore.Open(_scratch.Root));
        }

        FolderLock.Take(_scratch.Root).Dispose();
    }

    /// <summary>The files of a killed trainer stay; its lock does not.</summary>
    [Fact]
    public void The_files_of_a_killed_trainer_do_not_block()
    {
        File.WriteAllText(_scratch.Path("trainer.lock"), string.Empty);
        File.WriteAllText(_scratch.Path("trainer.pid"), "999999\n");
        using FolderLock held = FolderLock.Take(_scratch.Root);
        Assert.Equal($"{Environment.ProcessId}\n", File.ReadAllText(_scratch.Path("trainer.pid")));
    }

    [Fact]
    public void A_folder_that_cannot_be_made_says_why()
    {
        string file = _scratch.Path("file");
        File.WriteAllText(file, string.Empty);
        Assert.StartsWith(
            $"{Path.Combine(file, "run")}: cannot be written (",
            Assert.Throws<TrainingStateException>(() => FolderLock.Take(Path.Combine(file, "run"))).Message,
            StringComparison.Ordinal);
    }
}
