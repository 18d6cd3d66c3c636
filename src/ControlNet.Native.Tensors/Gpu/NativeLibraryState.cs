namespace ControlNet.Native.Tensors.Gpu;

/// <summary>A library that was looked for.</summary>
/// <param name="Handle">Its handle; zero when there is none.</param>
/// <param name="Missing">Why there is none, in words; null when there is one.</param>
internal readonly record struct NativeLibraryState(nint Handle, string? Missing);
