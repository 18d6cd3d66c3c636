using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace ControlNet.Native.Tensors;

/// <summary>
/// A few operations of a device held against the CPU: whether its driver can be trusted. See
/// <see cref="Devices.SelfTest"/>.
/// </summary>
public sealed class SelfTestReport
{
    /// <summary>First line of what is kept on the disk. Another number makes every older report worthless.</summary>
    private const string Heading = "self-test 1";

    internal SelfTestReport(Device device, IReadOnlyList<SelfTestResult> results, bool isRemembered)
    {
        DeviceName = device.Name;
        Description = device.Description;
        Results = results;
        IsRemembered = isRemembered;
    }

    /// <summary>Name of the device as users write it, for example <c>opencl:0</c>.</summary>
    public string DeviceName { get; }

    /// <summary>The device's own name and its driver.</summary>
    public string Description { get; }

    /// <summary>An operation each; none for the CPU, which is what others are held against.</summary>
    public IReadOnlyList<SelfTestResult> Results { get; }

    /// <summary>Whether the results are those of an earlier run with the same device, driver and kernels.</summary>
    public bool IsRemembered { get; }

    /// <summary>Whether every operation is within its limit.</summary>
    public bool Passed => Results.All(result => result.Passed);

    /// <summary>
    /// One sentence that names device, driver, the first operation that failed, its error against the limit, and what
    /// to do; null when everything passed.
    /// </summary>
    public string? Warning
    {
        get
        {
            SelfTestResult? first = Results.FirstOrDefault(result => !result.Passed);
            if (first is null)
            {
                return null;
            }

            int more = Results.Count(result => !result.Passed) - 1;
            string others = more > 0 ? $" (and {more} more of {Results.Count} operations failed)" : "";
            string what = first.Failure is { } failure
                ? $"cannot run {first.Operation}: {failure}"
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"computes {first.Operation} wrong: its error is {first.Error:g3}, the limit is {first.Limit:g3}");
            string trust = first.Failure is null ? "do not trust its images: " : "";
            return $"{DeviceName} ({Description}) {what}{others}; {trust}use another device or update the driver, " +
                "and let 'controlnet verify' compare everything";
        }
    }

    /// <summary>The results as they are kept on the disk.</summary>
    internal byte[] ToBytes()
    {
        StringBuilder text = new(Heading);
        foreach (SelfTestResult result in Results)
        {
            text.Append(
                CultureInfo.InvariantCulture, $"\n{result.Operation}\t{result.Error:R}\t{result.Limit:R}");
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>The report of a device as it was kept; null when these are no results.</summary>
    internal static SelfTestReport? FromBytes(Device device, byte[] bytes)
    {
        string[] lines = Encoding.UTF8.GetString(bytes).Split('\n');
        if (lines[0] != Heading)
        {
            return null;
        }

        List<SelfTestResult> results = [];
        foreach (string line in lines.AsSpan(1))
        {
            if (line.Split('\t') is not [string operation, string error, string limit] ||
                !TryParse(error, out double errorValue) || !TryParse(limit, out double limitValue))
            {
                return null;
            }

            results.Add(new SelfTestResult(operation, errorValue, limitValue, null));
        }

        return results.Count > 0 ? new SelfTestReport(device, results, isRemembered: true) : null;
    }

    private static bool TryParse(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
}
