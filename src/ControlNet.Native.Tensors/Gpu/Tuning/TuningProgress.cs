using System;

namespace ControlNet.Native.Tensors;

/// <summary>How far a tuning is. See <see cref="Devices.Tune"/>.</summary>
/// <param name="Operation">What is measured now, in words.</param>
/// <param name="Completed">Tiles that were tried, or passed over because time was up.</param>
/// <param name="Total">Tiles there are to try.</param>
/// <param name="Elapsed">Time since it began.</param>
public readonly record struct TuningProgress(string Operation, int Completed, int Total, TimeSpan Elapsed);
