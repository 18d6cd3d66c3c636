using System.Collections.Generic;

namespace ControlNet.Native.Weights;

/// <summary>
/// Two factors that change one layer: its weight W becomes <c>W + scale * Alpha / Rank * up down</c>. Source: Hu et
/// al., 2021, arXiv:2106.09685, section 4.1; for convolutions kohya-ss' sd-scripts, networks/lora.py.
/// </summary>
public sealed class LoraPair
{
    internal LoraPair(string name, WeightSlot down, WeightSlot up, double alpha)
    {
        Name = name;
        Address = LoraAddress.Of(name);
        Down = down;
        Up = up;
        Alpha = alpha;
    }

    /// <summary>Name of the module in the file, for example <c>lora_unet_mid_block_attentions_0_proj_in</c>.</summary>
    public string Name { get; }

    /// <summary>The network its name says; what is made for a UNet may change a ControlNet's encoder, too.</summary>
    public LoraNetwork Network => Address.Network;

    /// <summary>Rows of the factor that reads the layer's input.</summary>
    public int Rank => (int)Down.Extents[0];

    /// <summary>Strength it was trained with; the rank where the file says nothing.</summary>
    public double Alpha { get; }

    internal LoraAddress Address { get; }

    /// <summary><c>[Rank, In]</c> or <c>[Rank, In, K, K]</c></summary>
    internal WeightSlot Down { get; }

    /// <summary><c>[Out, Rank]</c> or <c>[Out, Rank, 1, 1]</c></summary>
    internal WeightSlot Up { get; }

    /// <summary>What the product of the factors is multiplied with.</summary>
    internal float Factor(float scale) => (float)(scale * Alpha / Rank);

    /// <summary>Checks that a layer's weight has the shape this changes.</summary>
    /// <param name="source">Names the file in messages.</param>
    /// <param name="layer">Names the layer in messages.</param>
    /// <param name="weight"><c>[Out, In]</c> or <c>[Out, In, K, K]</c></param>
    /// <exception cref="CheckpointException">It has another.</exception>
    internal void CheckFits(string source, string layer, IReadOnlyList<long> weight)
    {
        (long outputs, long inputs, long kernel) = (weight[0], weight[1], weight.Count == 4 ? weight[2] : 1);
        Check(source, Down, layer, weight, [Rank, inputs, kernel, kernel]);
        Check(source, Up, layer, weight, [outputs, Rank, 1, 1]);
    }

    private static void Check(
        string source, WeightSlot slot, string layer, IReadOnlyList<long> weight, long[] wanted)
    {
        if (!LoraFile.HasExtents(slot, wanted))
        {
            string shown = string.Join(", ", wanted[2] == 1 ? wanted[..2] : wanted);
            throw LoraFile.Refused(
                source,
                $"tensor '{LoraFile.NameOf(slot)}' is {slot.ExtentsText}, but to change '{layer}', " +
                $"[{string.Join(", ", weight)}], it must be [{shown}]: the LoRA was made for another base model " +
                "(Stable Diffusion 1.x reads text states 768 wide, 2.x 1024); choose one made for this");
        }
    }
}
