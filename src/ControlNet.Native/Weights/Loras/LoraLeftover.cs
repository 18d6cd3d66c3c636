namespace ControlNet.Native.Weights;

/// <summary>A part of a LoRA that was not applied.</summary>
/// <param name="Name">Its name in the file: that of a module, or of a tensor that belongs to none.</param>
/// <param name="Reason">Why, as the end of a sentence.</param>
public sealed record LoraLeftover(string Name, string Reason);
