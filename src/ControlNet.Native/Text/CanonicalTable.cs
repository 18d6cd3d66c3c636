using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Reflection;
using System.Text;

namespace ControlNet.Native.Text;

/// <summary>
/// Combining classes and canonical pairs of Unicode, read from the embedded <c>canonical-composition.txt</c>.
/// </summary>
internal sealed class CanonicalTable
{
    private readonly Dictionary<int, byte> _classes = [];
    private readonly Dictionary<int, (int First, int Second)> _decompositions = [];
    private readonly Dictionary<(int First, int Second), int> _compositions = [];

    /// <summary>Reads the table; its lines are explained in its head.</summary>
    public static CanonicalTable Read()
    {
        CanonicalTable table = new();
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("canonical-composition.txt")
            ?? throw new InvalidDataException("the assembly was built without canonical-composition.txt");
        using StreamReader lines = new(stream, Encoding.ASCII);
        while (lines.ReadLine() is string line)
        {
            if (line.StartsWith('#'))
            {
                continue;
            }

            string[] fields = line.Split(' ');
            int code = Hex(fields[1]), first = Hex(fields[2]);
            if (fields[0] == "c")
            {
                byte combiningClass = byte.Parse(fields[3], CultureInfo.InvariantCulture);
                for (int member = code; member <= first; member++)
                {
                    table._classes[member] = combiningClass;
                }

                continue;
            }

            int second = fields.Length > 3 ? Hex(fields[3]) : 0;
            table._decompositions[code] = (first, second);
            if (fields[0] == "d")
            {
                table._compositions[(first, second)] = code;
            }
        }

        return table;
    }

    /// <summary>Canonical combining class, 0 for a starter.</summary>
    public byte CombiningClass(int code) => _classes.GetValueOrDefault(code);

    /// <summary>
    /// One step of decomposition; <paramref name="second"/> is 0 when the code point maps to a single one.
    /// </summary>
    public bool TryDecompose(int code, out int first, out int second)
    {
        bool found = _decompositions.TryGetValue(code, out (int First, int Second) pair);
        (first, second) = pair;
        return found;
    }

    /// <summary>The primary composite of a pair.</summary>
    public bool TryCompose(int first, int second, out int composed) =>
        _compositions.TryGetValue((first, second), out composed);

    private static int Hex(string digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
