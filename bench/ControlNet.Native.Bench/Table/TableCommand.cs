using System;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// <c>table</c>: this engine beside its peers, in one run on this machine; see <c>bench/README.md</c>. Exit code 0 when
/// every bar that could be judged is met, 1 when one is missed, 2 for a command line that cannot be read.
/// </summary>
internal static class TableCommand
{
    /// <summary>Runs the rows that are asked for and prints the table.</summary>
    public static int Run(string[] arguments)
    {
        TableOptions options;
        try
        {
            options = TableOptions.Read(arguments);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }

        return options.Prepares ? Prepare(options) : Print(options);
    }

    private static int Print(TableOptions options)
    {
        using Contenders contenders = new(options);
        TableRun run = new(options, contenders);
        run.Measure();
        Console.WriteLine(run.Text());
        return run.MissesAny ? 1 : 0;
    }

    private static int Prepare(TableOptions options)
    {
        OnnxFiles files = new(options);
        foreach (Row row in TableRun.Rows(options))
        {
            if (options.Wants(row.Group) && row.Peers[0].Peer == Contender.Onnx)
            {
                Console.WriteLine(files.Get(row.Spec));
            }
        }

        return 0;
    }
}
