using System;

namespace ControlNet.Native.Training;

/// <summary>In which layouts a trained ControlNet is written.</summary>
[Flags]
public enum ExportLayouts
{
    /// <summary>
    /// A folder as diffusers has it: <c>config.json</c> and <c>diffusion_pytorch_model.safetensors</c>.
    /// </summary>
    Diffusers = 1,

    /// <summary>
    /// One file with the names of the authors' code, <c>original/control_model.safetensors</c>.
    /// </summary>
    Original = 2,
}
