namespace ControlNet.Native;

/// <summary>What a request takes on a device, found by rehearsing it without computing.</summary>
/// <param name="WeightBytes">Bytes of the weights of the model and of the ControlNet of the request.</param>
/// <param name="PeakBytesInUse">The most bytes in use at once: weights, activations and temporaries.</param>
/// <param name="PeakBytes">
/// The most bytes the device holds at once: those in use and what it keeps between them for reuse. The process takes
/// about 150 MB beside them for the runtime, its code and the picture.
/// </param>
public sealed record MemoryEstimate(long WeightBytes, long PeakBytesInUse, long PeakBytes);
