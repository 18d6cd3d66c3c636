using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Tensors;

namespace ControlNet.Verification.Checks;

/// <summary>
/// One case of an <c>ops/</c> file: its entry in the side car and its inputs as tensors of the device under test.
/// </summary>
internal sealed class OpsCase(Device device, GoldenTensors golden, JsonElement entry)
{
    /// <summary>Name of the case, the prefix of its tensors.</summary>
    public string Name { get; } = entry.GetProperty("case").GetString()!;

    /// <summary>The operation as the golden data calls it.</summary>
    public string Op { get; } = entry.GetProperty("op").GetString()!;

    /// <summary>Its parameters.</summary>
    public JsonElement Params { get; } = entry.GetProperty("params");

    /// <summary>Names of the inputs whose gradient the golden data has.</summary>
    public IReadOnlyList<string> Differentiated { get; } =
        entry.TryGetProperty("grads", out JsonElement grads) ? [.. grads.EnumerateObject().Select(g => g.Name)] : [];

    /// <summary>
    /// The inputs that were read while a tape was open and ask for their gradient, by name, laid out as the golden data
    /// has them.
    /// </summary>
    public Dictionary<string, Tensor> Leaves { get; } = [];

    /// <summary>Number of inputs.</summary>
    public int InputCount => entry.GetProperty("inputs").EnumerateObject().Count();

    /// <summary>Whether the case has that input.</summary>
    public bool Has(string input) => golden.Has($"{Name}/in.{input}");

    /// <summary>One input, laid out as the golden data has it.</summary>
    public Tensor In(string input)
    {
        Tensor tensor = Read($"in.{input}");
        if (Tape.IsOpen && Differentiated.Contains(input))
        {
            Leaves.Add(input, tensor.RequireGradient());
        }

        return tensor;
    }

    /// <summary>The gradient of one output that backward starts from, laid out as the golden data has it.</summary>
    public Tensor Upstream(string output) => Read($"gout.{output}");

    /// <summary>One input, or none where the case does not have it.</summary>
    public Tensor? Optional(string input) => Has(input) ? In(input) : null;

    /// <summary>A vector of one number, for the norms without scale or shift.</summary>
    public Tensor Filled(int count, float value) =>
        Tensor.From(device, new Shape(count), [.. Enumerable.Repeat(value, count)]);

    /// <summary>An integer parameter.</summary>
    public int Int(string name) => Params.GetProperty(name).GetInt32();

    /// <summary>A number parameter.</summary>
    public float Float(string name) => Params.GetProperty(name).GetSingle();

    /// <summary>A yes or no parameter.</summary>
    public bool Flag(string name) => Params.GetProperty(name).GetBoolean();

    /// <summary>A list of integers.</summary>
    public int[] Ints(string name) => [.. Params.GetProperty(name).EnumerateArray().Select(e => e.GetInt32())];

    private Tensor Read(string role)
    {
        GoldenTensor tensor = golden[$"{Name}/{role}"];
        Shape shape = new(tensor.Shape);
        return tensor.DType == "I64"
            ? Tensor.From(device, shape, [.. tensor.Longs().Select(id => checked((int)id))])
            : Tensor.From(device, shape, tensor.Floats());
    }
}
