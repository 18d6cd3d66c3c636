using System;
using System.Globalization;
using System.IO;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// <c>bench/results/MACHINE/DATE.md</c>: what earlier runs of the day left there, and this run's table, written anew
/// after every row, so that a run that is cut short loses none.
/// </summary>
internal sealed class TableFile
{
    private readonly string _path, _before;

    /// <summary>Finds the file, or begins it.</summary>
    public TableFile(TableOptions options)
    {
        string date = DateTime.Now.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        string folder = Path.Combine(options.Root, "bench", "results", options.Machine);
        Directory.CreateDirectory(folder);
        _path = Path.Combine(folder, date + ".md");
        _before = File.Exists(_path) ? File.ReadAllText(_path) + "\n" : $"# {options.Machine}, {date}\n\n";
    }

    /// <summary>Writes this run as it stands.</summary>
    public void Write(string table) => File.WriteAllText(_path, _before + table);
}
