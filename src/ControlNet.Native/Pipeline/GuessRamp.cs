namespace ControlNet.Native;

/// <summary>
/// The scales that <see cref="ControlMode.Guess"/> gives the residuals, from full resolution to the middle.
/// </summary>
public enum GuessRamp
{
    /// <summary>
    /// Evenly rising in the exponent from 0.1 to 1, as diffusers has it; residuals that are pooled over the image keep
    /// their full scale.
    /// </summary>
    Diffusers,

    /// <summary>
    /// 0.825 to the power of the distance from the middle, as the authors have it: guess mode is then
    /// <see cref="ControlMode.Control"/>. At most 0.6 % from the other.
    /// </summary>
    Original,
}
