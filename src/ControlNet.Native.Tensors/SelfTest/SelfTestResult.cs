namespace ControlNet.Native.Tensors;

/// <summary>What a device made of one operation.</summary>
/// <param name="Operation">The operation, in words.</param>
/// <param name="Error">
/// The largest difference from the CPU over the largest magnitude of its result; infinite where the device gave numbers
/// that are none, or nothing.
/// </param>
/// <param name="Limit">The most <paramref name="Error"/> may be.</param>
/// <param name="Failure">Why the operation did not run, in words; null when it did.</param>
public sealed record SelfTestResult(string Operation, double Error, double Limit, string? Failure)
{
    /// <summary>Whether the operation ran and its error is within the limit.</summary>
    public bool Passed => Failure is null && Error <= Limit;
}
