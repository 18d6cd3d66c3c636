using System;
using System.Globalization;
using System.IO;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Training;

/// <summary>
/// Keeps a folder for one trainer. The operating system holds the lock and drops it with the process, however that
/// ends, so a killed trainer leaves nothing that blocks the next one.
/// </summary>
/// <remarks>
/// The lock is <c>trainer.lock</c>, opened for this process alone (flock on Unix); it is never deleted, because between
/// opening and locking a file that another one deletes two could hold "the" lock. Who holds it stands in
/// <c>trainer.pid</c> beside it, because a locked file cannot be read. On file systems without locks, some network
/// shares, there is no protection.
/// </remarks>
public sealed class FolderLock : IDisposable
{
    private const string LockName = "trainer.lock";
    private const string HolderName = "trainer.pid";

    private readonly FileStream _held;

    private FolderLock(FileStream held)
    {
        _held = held;
    }

    /// <summary>Takes the folder; makes it when it does not exist.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="TrainingStateException">Another trainer has it, or it cannot be written.</exception>
    public static FolderLock Take(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        FileStream? held = null;
        try
        {
            Directory.CreateDirectory(folder);
            held = new FileStream(
                Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            string holder = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n");
            File.WriteAllText(Path.Combine(folder, HolderName), holder);
            return new FolderLock(held);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            bool isHeld = held is null && IsHeld(e);
            held?.Dispose();
            throw new TrainingStateException(
                isHeld
                    ? $"{folder}: process {Holder(folder)} trains there; wait for it, stop it, or train elsewhere"
                    : $"{folder}: cannot be written ({e.Message}); free space or choose another folder",
                e);
        }
    }

    /// <summary>Gives the folder back.</summary>
    public void Dispose() => _held.Dispose();

    // EWOULDBLOCK of Linux and of macOS, ERROR_SHARING_VIOLATION of Windows.
    private static bool IsHeld(Exception e) => e is IOException && e.HResult is 11 or 35 or unchecked((int)0x80070020);

    private static string Holder(string folder)
    {
        try
        {
            return MessageText.Start(File.ReadAllText(Path.Combine(folder, HolderName)).Trim(), 20);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "of an unknown number";
        }
    }
}
