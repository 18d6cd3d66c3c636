using System.Collections.Generic;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;

namespace ControlNet.Verification.Checks;

/// <summary>Text encoder, UNet and decoder from one half-precision file in the original layout.</summary>
public sealed class SingleFileCheck : GoldenCheck
{
    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) => ["outputs/single_f16.safetensors"];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        string path = context.ModelOf(golden, "file");

        // The tiny model's number of norm groups cannot be told from the shapes of its weights.
        CheckpointOptions options = new() { ConfigsFrom = context.ModelPath("sd1-tiny") };
        using Checkpoint checkpoint = Checkpoint.Open(path, options);
        Device device = context.Device;
        List<GoldenResult> results = [];
        results.AddRange(ModelGolden.Case("text", found =>
        {
            using ClipTextModel model = new(checkpoint.Text!.Map(device), checkpoint.Text.Config);
            Tensor states = model.Forward(golden["in.input_ids"].Tokens());
            found.Add(ModelGolden.Compare("out.text", golden["out.text"], states, ModelGolden.NetworkLimit));
        }));
        results.AddRange(ModelGolden.Case("unet", found =>
        {
            using UnetModel model = new(checkpoint.Unet!.Map(device), checkpoint.Unet.Config);
            using TextContext text = new(context.Upload(golden["in.encoder_hidden_states"]));
            Tensor estimate = model.Forward(context.Upload(golden["in.sample"]), golden["in.timestep"].Floats(), text);
            found.Add(ModelGolden.Compare("out.unet", golden["out.unet"], estimate, ModelGolden.NetworkLimit));
        }));
        results.AddRange(ModelGolden.Case("vae", found =>
        {
            using Autoencoder model = new(checkpoint.Vae!.Map(device), checkpoint.Vae.Config);
            Tensor image = model.Decode(context.Upload(golden["in.z"]));
            found.Add(ModelGolden.Compare("out.vae_decode", golden["out.vae_decode"], image, ModelGolden.NetworkLimit));
        }));
        return results;
    }
}
