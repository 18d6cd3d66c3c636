namespace ControlNet.Native.Tensors;

/// <summary>A pointwise function an op can apply to its result before storing it.</summary>
public enum Activation
{
    /// <summary>Stores the result as it is.</summary>
    None,

    /// <summary>SiLU, <c>v / (1 + exp(-v))</c>.</summary>
    Silu,

    /// <summary>GELU with the exact error function, <c>v (1 + erf(v / sqrt 2)) / 2</c>.</summary>
    Gelu,

    /// <summary>
    /// The sigmoid approximation of GELU that CLIP ViT-L/14 was trained with, <c>v / (1 + exp(-1.702 v))</c>.
    /// </summary>
    QuickGelu,

    /// <summary>
    /// The tanh approximation of GELU, <c>v (1 + tanh(sqrt(2 / pi) (v + 0.044715 v^3))) / 2</c>.
    /// </summary>
    GeluTanh,

    /// <summary>The sigmoid, <c>1 / (1 + exp(-v))</c>.</summary>
    Sigmoid,

    /// <summary>ReLU, <c>max(v, 0)</c>; its derivative at 0 is 0.</summary>
    Relu,

    /// <summary><c>tanh(v)</c></summary>
    Tanh,
}
