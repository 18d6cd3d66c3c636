namespace ControlNet.Native.Weights;

/// <summary>What the layers of a model are going to do with their weights.</summary>
public enum WeightUse
{
    /// <summary>Multiply with them, packed for the device. No gradient passes.</summary>
    Inference,

    /// <summary>
    /// Let gradients through to their inputs without wanting any themselves: the weights stay as the file has them, in
    /// their storage type, and are packed for each call.
    /// </summary>
    Frozen,

    /// <summary>Be trained: F32, each asks for its gradient.</summary>
    Trained,
}
