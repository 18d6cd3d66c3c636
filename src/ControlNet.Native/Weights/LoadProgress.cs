namespace ControlNet.Native.Weights;

/// <summary>Where loading a checkpoint stands.</summary>
/// <param name="Component">What is being read, for example <c>unet</c>.</param>
/// <param name="BytesRead">Bytes of weights read so far.</param>
/// <param name="BytesTotal">Bytes of weights to read in all.</param>
public sealed record LoadProgress(string Component, long BytesRead, long BytesTotal);
