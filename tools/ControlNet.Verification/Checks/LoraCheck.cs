using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Verification.Checks;

/// <summary>
/// LoRA of four layouts, one and two at once, on one UNet and one text encoder that are never loaded again; at the end
/// both must be as they were, to the last bit.
/// </summary>
public sealed class LoraCheck : GoldenCheck
{
    private const string Output = "out.", None = "none";

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) => ["outputs/lora.safetensors"];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        string[] outputs = [.. golden.Names.Where(name => name.StartsWith(Output, StringComparison.Ordinal))];
        string root = Path.GetDirectoryName(golden.Params.GetProperty("unet").GetString()!)!;
        using Checkpoint checkpoint = Checkpoint.Open(context.ModelPath(root));
        using UnetModel unet = new(checkpoint.Unet!.Map(context.Device).Under(context), checkpoint.Unet.Config);
        using ClipTextModel text = new(checkpoint.Text!.Map(context.Device).Under(context), checkpoint.Text.Config);
        int[][] tokens = golden["in.input_ids"].Tokens();
        return
        [
            .. Compared(context, golden, outputs, LoraNetwork.Unet, unet, context.Limit(), () =>
            {
                using TextContext states = new(context.Upload(golden["in.encoder_hidden_states"]));
                return unet.Forward(context.Upload(golden["in.sample"]), golden["in.timestep"].Floats(), states);
            }),
            .. Compared(
                context, golden, outputs, LoraNetwork.Text, text, context.Limit(ModelGolden.TextLimit),
                () => text.Forward(tokens)),
        ];
    }

    private static string EndingOf(LoraNetwork network) => network == LoraNetwork.Unet ? ".unet" : ".text";

    /// <summary>
    /// The outputs of one network. Its LoRA are those of the output's name: <c>out.kohya+kohya-locon.s0.8.unet</c>.
    /// </summary>
    private static List<GoldenResult> Compared(
        GoldenContext context, GoldenTensors golden, string[] outputs, LoraNetwork network, AdaptableModel model,
        double limit, Func<Tensor> forward) => ModelGolden.Case(network.ToString(), results =>
    {
        string ending = EndingOf(network);
        float[] before = forward().Floats();
        foreach (string output in outputs.Where(name => name.EndsWith(ending, StringComparison.Ordinal)))
        {
            string[] parts = output[Output.Length..^ending.Length].Split(".s", 2);
            string[] names = parts[0] == None ? [] : parts[0].Split('+');
            List<Lora> loras = [];
            try
            {
                foreach (string name in names)
                {
                    Lora lora = Lora.Open(context.ModelPath($"lora/{name}.safetensors"));
                    loras.Add(lora);
                    if (lora.Pairs.Any(pair => pair.Network == network))
                    {
                        model.ApplyLora(lora, float.Parse(parts[1], CultureInfo.InvariantCulture));
                    }
                }

                using TensorScope scope = TensorScope.Enter();
                results.Add(ModelGolden.Compare(output, golden[output], forward(), limit));
            }
            finally
            {
                loras.ForEach(lora => _ = model.RemoveLora(lora));
                loras.ForEach(lora => lora.Dispose());
            }
        }

        results.Add(GoldenResult.Exact(
            $"{network} afterwards", forward().Floats().AsSpan().SequenceEqual(before),
            "the network is not what it was before any LoRA"));
    });
}
