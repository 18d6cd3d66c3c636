namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Arithmetic on the lanes of a vector without horizontal steps, as a struct type argument: a loop is written once and
/// compiled for each width.
/// </summary>
/// <typeparam name="TVector">The vector itself, so that nothing wraps it and it stays in a register.</typeparam>
internal unsafe interface ILaneArithmetic<TVector>
{
    /// <summary>Floats of one vector, a divisor of 16.</summary>
    static abstract int Count { get; }

    static abstract TVector Load(float* source);

    static abstract void Store(TVector v, float* target);

    /// <summary>Past the caches; the target is aligned to the width of the vector.</summary>
    static abstract void StoreStreaming(TVector v, float* target);

    static abstract TVector Create(float value);

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Subtract(TVector a, TVector b);

    static abstract TVector Multiply(TVector a, TVector b);

    /// <summary>a b + c, fused where that is one instruction and never emulated.</summary>
    static abstract TVector Fma(TVector a, TVector b, TVector c);
}

/// <summary>One lane, where there are no vectors.</summary>
internal readonly unsafe struct Lanes1 : ILaneArithmetic<float>
{
    public static int Count => 1;

    public static float Load(float* source) => *source;

    public static void Store(float v, float* target) => *target = v;

    public static void StoreStreaming(float v, float* target) => *target = v;

    public static float Create(float value) => value;

    public static float Add(float a, float b) => a + b;

    public static float Subtract(float a, float b) => a - b;

    public static float Multiply(float a, float b) => a * b;

    public static float Fma(float a, float b, float c) => (a * b) + c;
}
