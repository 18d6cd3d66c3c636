using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Models;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;

namespace ControlNet.Native.Tests.Loras;

/// <summary>What a network computes of inputs that are always the same.</summary>
internal static class TinyForward
{
    public static float[] Of(UnetModel unet, Device device)
    {
        using TensorScope scope = TensorScope.Enter();
        using TextContext text = new(TinyModels.Numbers(device, 2, 7, TinyModels.TextWidth));
        return unet.Forward(TinyModels.Numbers(device, 1, 6, 8, 4), [500f], text).ToArray();
    }

    public static float[] Of(ClipTextModel clip)
    {
        using TensorScope scope = TensorScope.Enter();
        return clip.Forward([[1, 2, 3, 4], [4, 3, 2, 1]]).ToArray();
    }

    public static float[] Of(ControlNetModel net)
    {
        using TensorScope scope = TensorScope.Enter();
        using TextContext text = new(TinyModels.Numbers(net.Device, 1, 7, TinyModels.TextWidth));
        Tensor hint = net.EncodeHint(TinyModels.Numbers(net.Device, 1, 48, 64, 3));
        ControlResiduals residuals = net.Forward(TinyModels.Numbers(net.Device, 1, 6, 8, 4), [500f], text, hint);
        return [.. residuals.Skips.Append(residuals.Middle).SelectMany(tensor => tensor.ToArray())];
    }
}
