using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text.Json;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Training;

/// <summary>
/// Named values of a training state: a flat JSON object of whole numbers, numbers, texts and flags. What is set is read
/// back exactly, doubles to the last bit.
/// </summary>
public sealed class StateValues
{
    private readonly SortedDictionary<string, object> _values = new(StringComparer.Ordinal);

    /// <summary>The names, in ordinal order.</summary>
    public IReadOnlyCollection<string> Names => _values.Keys;

    /// <summary>Whether there is a value of that name.</summary>
    public bool Has(string name) => _values.ContainsKey(name);

    /// <summary>Sets a whole number.</summary>
    public void Set(string name, long value) => _values[name] = value;

    /// <summary>Sets a whole number of 64 bits without a sign, for example a seed.</summary>
    public void Set(string name, ulong value) => _values[name] = value;

    /// <summary>Sets a number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not finite, which JSON cannot write.</exception>
    public void Set(string name, double value)
    {
        if (!double.IsFinite(value))
        {
            throw new ArgumentOutOfRangeException(
                nameof(value), value, $"value '{name}' is not finite; leave it out instead");
        }

        _values[name] = value;
    }

    /// <summary>Sets a text.</summary>
    public void Set(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        _values[name] = value;
    }

    /// <summary>Sets a flag.</summary>
    public void Set(string name, bool value) => _values[name] = value;

    /// <summary>Reads a whole number.</summary>
    /// <exception cref="TrainingStateException">There is none of that name, or it is no whole number of 64
    /// bits.</exception>
    public long Whole(string name) => Get(name) switch
    {
        long value => value,
        ulong value and <= long.MaxValue => (long)value,
        object other => throw Wrong(name, other, "a whole number"),
    };

    /// <summary>Reads a whole number without a sign.</summary>
    /// <exception cref="TrainingStateException">There is none of that name, or it is negative or no whole
    /// number.</exception>
    public ulong UnsignedWhole(string name) => Get(name) switch
    {
        ulong value => value,
        long value and >= 0 => (ulong)value,
        object other => throw Wrong(name, other, "a whole number from 0"),
    };

    /// <summary>Reads a number.</summary>
    /// <exception cref="TrainingStateException">There is none of that name, or it is something else.</exception>
    public double Number(string name) => Get(name) switch
    {
        double value => value,
        long value => value,
        ulong value => value,
        object other => throw Wrong(name, other, "a number"),
    };

    /// <summary>Reads a text.</summary>
    /// <exception cref="TrainingStateException">There is none of that name, or it is something else.</exception>
    public string Text(string name) =>
        Get(name) is object value and not string ? throw Wrong(name, value, "a text") : (string)_values[name];

    /// <summary>Reads a flag.</summary>
    /// <exception cref="TrainingStateException">There is none of that name, or it is something else.</exception>
    public bool Flag(string name) => Get(name) is bool value ? value : throw Wrong(name, _values[name], "a flag");

    /// <summary>Whether two sets hold the same names with the same values.</summary>
    public bool SameAs(StateValues other) => Differences(other).Count == 0;

    /// <summary>What differs, in words, for example <c>learning_rate: 1E-05, here 2E-05</c>.</summary>
    /// <param name="here">The values to hold these against.</param>
    public IReadOnlyList<string> Differences(StateValues here)
    {
        ArgumentNullException.ThrowIfNull(here);
        SortedSet<string> names = new(_values.Keys, StringComparer.Ordinal);
        names.UnionWith(here._values.Keys);
        List<string> found = [];
        foreach (string name in names)
        {
            string mine = Shown(_values.GetValueOrDefault(name)), other = Shown(here._values.GetValueOrDefault(name));
            if (mine != other)
            {
                found.Add($"{MessageText.Name(name)}: {mine}, here {other}");
            }
        }

        return found;
    }

    internal void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        foreach ((string name, object value) in _values)
        {
            writer.WritePropertyName(name);
            switch (value)
            {
                case long number:
                    writer.WriteNumberValue(number);
                    break;
                case ulong number:
                    writer.WriteNumberValue(number);
                    break;
                case double number:
                    // With a point or exponent it is read as what it is, minus zero included.
                    string text = number.ToString("R", CultureInfo.InvariantCulture);
                    writer.WriteRawValue(text.AsSpan().ContainsAny('.', 'E') ? text : text + ".0");
                    break;
                case string text2:
                    writer.WriteStringValue(text2);
                    break;
                default:
                    writer.WriteBooleanValue((bool)value);
                    break;
            }
        }

        writer.WriteEndObject();
    }

    /// <exception cref="FormatException">A member is neither number, text nor flag.</exception>
    internal static StateValues Read(JsonElement json)
    {
        StateValues values = new();
        foreach (JsonProperty member in json.EnumerateObject())
        {
            JsonElement value = member.Value;
            values._values[member.Name] = value.ValueKind switch
            {
                JsonValueKind.True or JsonValueKind.False => value.GetBoolean(),
                JsonValueKind.String => value.GetString()!,
                JsonValueKind.Number when value.TryGetInt64(out long whole) => whole,
                JsonValueKind.Number when value.TryGetUInt64(out ulong whole) => whole,
                JsonValueKind.Number => value.GetDouble(),
                _ => throw new FormatException($"value '{member.Name}' is {value.ValueKind}, which no value can be"),
            };
        }

        return values;
    }

    private object Get(string name) => _values.TryGetValue(name, out object? value)
        ? value
        : throw new TrainingStateException(
            $"the training state has no value '{MessageText.Name(name)}'; it was saved by another version or trainer");

    private static TrainingStateException Wrong(string name, object found, string wanted) => new(
        $"value '{MessageText.Name(name)}' of the training state is {MessageText.Name(Shown(found))}, not {wanted}; " +
        "it was saved by another version or trainer");

    private static string Shown(object? value) => value switch
    {
        null => "absent",
        string text => $"'{text}'",
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new InvalidOperationException($"no state value is a {value.GetType()}"),
    };
}
