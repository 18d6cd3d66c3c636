namespace ControlNet.Native;

/// <summary>
/// How a control weighs against the prompt: which scale each of its residuals has beside
/// <see cref="ControlInput.Scale"/>, and on which half of guidance it acts. Without guidance the conditional half is
/// all there is.
/// </summary>
/// <remarks>
/// Sources: hook.py of the A1111 ControlNet extension for the first three, pipeline_controlnet.py of diffusers (v0.31)
/// for <see cref="Guess"/>.
/// </remarks>
public enum ControlMode
{
    /// <summary>Every residual in full, on both halves.</summary>
    Balanced,

    /// <summary>
    /// The prompt matters more: residuals fade by 0.825 with each layer away from the middle, on both halves.
    /// </summary>
    Prompt,

    /// <summary>
    /// The control matters more: as <see cref="Prompt"/>, but on the conditional half alone, so that guidance
    /// strengthens the control as it does the prompt. What the authors of ControlNet call guess mode.
    /// </summary>
    Control,

    /// <summary>
    /// Guess mode of diffusers: as <see cref="Control"/>, with scales that rise evenly in the exponent from 0.1 to 1;
    /// residuals that are pooled over the image keep their full scale.
    /// </summary>
    Guess,
}
