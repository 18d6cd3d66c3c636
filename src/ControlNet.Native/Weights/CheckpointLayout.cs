namespace ControlNet.Native.Weights;

/// <summary>How a checkpoint is laid out.</summary>
public enum CheckpointLayout
{
    /// <summary>One file (or stream) with one model or several.</summary>
    SingleFile,

    /// <summary>A folder with a subfolder for each model.</summary>
    DiffusersPipeline,

    /// <summary>A folder with one model and its configuration.</summary>
    DiffusersComponent,
}
