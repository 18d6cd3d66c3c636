using ControlNet.Native;
using ControlNet.Native.Control;

namespace ControlNet.Native.Tests.House;

/// <summary>
/// The sample of the page about controls, compiled. <see cref="ReadmeTests"/> holds the two together.
/// </summary>
internal static class ControlsSample
{
    public static ControlInput[] FromEngine(
        ControlNetModel depthNet, ControlNetModel normalNet, float[] distances, float[] normals, int width, int height)
    {
        // Distances along the view, infinite where there is sky. MiDaS, which depth nets learnt from, is even in 1 / z.
        // The ends are the nearest and farthest things in sight: planes of the camera would leave little between.
        ControlHint depth = ControlHint.FromDepth(
            distances, width, height, near: 0.8f, far: 60, curve: DepthCurve.Inverse);

        // A depth buffer holds 1 / z already, up to a factor: even in its values. Reversed, the near plane is 1.
        //   ControlHint.FromDepth(buffer, width, height, near: 1, far: 0)

        // Normals in view space: x to the right, y up, z to the viewer. The net reads red left, green up, blue out.
        ControlHint normal = ControlHint.FromNormals(normals, width, height, from: ViewAxes.OpenGl);

        return
        [
            new ControlInput { Net = depthNet, Image = depth, Scale = 0.9f },
            new ControlInput { Net = normalNet, Image = normal, Scale = 0.6f, End = 0.7 },
        ];
    }
}
