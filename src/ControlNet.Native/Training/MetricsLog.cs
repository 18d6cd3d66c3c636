using System;
using System.Collections.Generic;
using System.IO;

namespace ControlNet.Native.Training;

/// <summary>
/// The metrics of a run as JSON Lines, one object an optimiser step. A run that is resumed drops the lines after its
/// checkpoint and writes them again, so that its file is the one of a run that was never stopped, timings apart.
/// </summary>
public sealed class MetricsLog : IDisposable
{
    private const byte LineEnd = (byte)'\n';

    private readonly FileStream _file;
    private readonly string _path;

    private MetricsLog(string path, FileStream file)
    {
        (_path, _file) = (path, file);
    }

    /// <summary>Opens the log, to go on after a step.</summary>
    /// <param name="path">The file; made when it does not exist.</param>
    /// <param name="resumedStep">
    /// Optimiser steps done; lines of later ones are dropped, and so is a last line that was cut short. 0 begins anew.
    /// </param>
    /// <exception cref="TrainingStateException">The file cannot be opened or read.</exception>
    public static MetricsLog Open(string path, long resumedStep)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfNegative(resumedStep);
        FileStream? file = null;
        try
        {
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            long end = 0;
            foreach ((TrainingMetrics? metrics, long lineEnd) in Lines(file))
            {
                if (metrics is null)
                {
                    continue;
                }

                if (metrics.Step > resumedStep)
                {
                    break;
                }

                end = lineEnd;
            }

            file.SetLength(end);
            file.Position = end;
            return new MetricsLog(path, file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            file?.Dispose();
            throw new TrainingStateException($"{path}: cannot be opened ({e.Message}); check folder and rights", e);
        }
    }

    /// <summary>Reads every whole line of a log; what is none is passed over.</summary>
    /// <exception cref="TrainingStateException">The file cannot be read.</exception>
    public static IReadOnlyList<TrainingMetrics> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            List<TrainingMetrics> all = [];
            foreach ((TrainingMetrics? metrics, _) in Lines(file))
            {
                if (metrics is not null)
                {
                    all.Add(metrics);
                }
            }

            return all;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TrainingStateException($"{path}: cannot be read ({e.Message}); check the path", e);
        }
    }

    /// <summary>Adds a line; another program that reads the file sees it at once.</summary>
    /// <exception cref="TrainingStateException">The disk is full or refuses.</exception>
    public void Write(TrainingMetrics metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        long end = _file.Position;
        try
        {
            _file.Write([.. metrics.ToLine(), LineEnd]);
            _file.Flush();
        }
        catch (IOException e)
        {
            throw new TrainingStateException(
                $"{_path}: the line of step {metrics.Step} cannot be written at byte {end} ({e.Message}); free " +
                "space, then resume", e);
        }
    }

    /// <summary>
    /// Waits until the lines are on the disk. Called before a checkpoint is saved, so that a checkpoint never outlives
    /// lines of its steps.
    /// </summary>
    /// <exception cref="TrainingStateException">The disk is full or refuses.</exception>
    public void FlushToDisk()
    {
        try
        {
            _file.Flush(flushToDisk: true);
        }
        catch (IOException e)
        {
            throw new TrainingStateException($"{_path}: cannot be flushed ({e.Message}); free space, then resume", e);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>Each whole line and the byte after its end; a last line without an end is not given.</summary>
    private static IEnumerable<(TrainingMetrics? Metrics, long End)> Lines(FileStream file)
    {
        byte[] buffer = new byte[64 << 10];
        int filled = 0;
        long start = file.Position;
        while (true)
        {
            int read = file.Read(buffer, filled, buffer.Length - filled);
            if (read == 0)
            {
                yield break;
            }

            filled += read;
            int begin = 0;
            for (int at; (at = Array.IndexOf(buffer, LineEnd, begin, filled - begin)) >= 0; begin = at + 1)
            {
                yield return (TrainingMetrics.FromLine(buffer.AsMemory(begin..at)), start + at + 1);
            }

            Array.Copy(buffer, begin, buffer, 0, filled - begin);
            start += begin;
            filled -= begin;
            if (filled == buffer.Length)
            {
                Array.Resize(ref buffer, 2 * buffer.Length);
            }
        }
    }
}
