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
    /// Guess mode by either ramp: as <see cref="Control"/>, with the scales of <see cref="ControlInput.GuessRamp"/>.
    /// Its default makes it that of diffusers.
    /// </summary>
    Guess,
}
