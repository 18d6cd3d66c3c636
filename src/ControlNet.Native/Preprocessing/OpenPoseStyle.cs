namespace ControlNet.Native.Preprocessing;

/// <summary>
/// How <see cref="OpenPose"/> draws: the pictures the two generations of ControlNets were trained on.
/// </summary>
public enum OpenPoseStyle
{
    /// <summary>Of ControlNet 1.1: limbs at 0.6 of their colour, points over them; hands and faces.</summary>
    V11,

    /// <summary>Of ControlNet 1.0: points first, limbs blended over them at 0.6; bodies only.</summary>
    V10,
}
