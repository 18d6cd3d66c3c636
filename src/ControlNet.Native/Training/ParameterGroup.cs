using System.Collections.Generic;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>Weights trained with one learning rate.</summary>
/// <param name="Name">What messages and checkpoints call them, for example <c>controlnet</c>.</param>
/// <param name="Parameters">The weights.</param>
/// <param name="RateFactor">Their learning rate over that of the run.</param>
internal sealed record ParameterGroup(string Name, IReadOnlyList<Parameter> Parameters, double RateFactor = 1);
