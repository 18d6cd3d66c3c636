namespace ControlNet.Native;

/// <summary>What a request takes on a device, found by rehearsing it without computing.</summary>
/// <param name="WeightBytes">Bytes of the weights of the model and of the ControlNet of the request.</param>
/// <param name="PeakBytes">
/// The most bytes at once: weights, activations, temporaries, and blocks the device keeps for reuse. The process takes
/// about 150 MB beside them for the runtime, its code and the picture.
/// </param>
public sealed record MemoryEstimate(long WeightBytes, long PeakBytes);
