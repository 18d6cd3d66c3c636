using System;

namespace ControlNet.Native.Weights;

/// <summary>Arithmetic that a conversion does on weights.</summary>
internal interface IWeightChange
{
    /// <summary>Whether a weight is another one afterwards.</summary>
    /// <param name="kind">The model it belongs to.</param>
    /// <param name="weight">Its name as diffusers gives it.</param>
    bool Changes(ModelKind kind, string weight);

    /// <summary>Changes a weight.</summary>
    /// <param name="kind">The model it belongs to.</param>
    /// <param name="weight">Its name as diffusers gives it.</param>
    /// <param name="values">Its elements, row-major; changed in place.</param>
    void Apply(ModelKind kind, string weight, Memory<float> values);
}
