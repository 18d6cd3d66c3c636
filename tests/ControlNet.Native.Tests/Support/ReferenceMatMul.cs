using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.Support;

/// <summary>One element of a matrix product, in double.</summary>
internal static class ReferenceMatMul
{
    /// <summary>act(x w^T + bias) + addTensor at a flat index of <c>[rows, outputs]</c>.</summary>
    public static double Linear(
        float[] x, float[] w, float[]? bias, float[]? addTensor, int inputs, int outputs, Activation activation,
        long index)
    {
        long row = index / outputs, column = index % outputs;
        double sum = bias?[column] ?? 0;
        for (int i = 0; i < inputs; i++)
        {
            sum += (double)x[(row * inputs) + i] * w[(column * inputs) + i];
        }

        return ReferencePointwise.Activate(activation, sum) + (addTensor?[index] ?? 0);
    }

    /// <summary>
    /// The first half of the columns of x w^T + bias times gelu of the second, at a flat index of
    /// <c>[rows, outputs / 2]</c>.
    /// </summary>
    public static double LinearGeglu(float[] x, float[] w, float[]? bias, int inputs, int outputs, long index)
    {
        int columns = outputs / 2;
        long value = (index / columns * outputs) + (index % columns);
        double Sum(long at) => Linear(x, w, bias, null, inputs, outputs, Activation.None, at);
        return Sum(value) * ReferencePointwise.Gelu(Sum(value + columns));
    }

    /// <summary>dx = dy w + addTensor at a flat index of <c>[rows, inputs]</c>.</summary>
    public static double LinearDataGradient(
        float[] dy, float[] w, float[]? addTensor, int inputs, int outputs, long index)
    {
        long row = index / inputs, column = index % inputs;
        double sum = addTensor?[index] ?? 0;
        for (int o = 0; o < outputs; o++)
        {
            sum += (double)dy[(row * outputs) + o] * w[((long)o * inputs) + column];
        }

        return sum;
    }

    /// <summary>dWeight = dy^T x + before at a flat index of <c>[outputs, inputs]</c>.</summary>
    public static double LinearWeightGradient(
        float[] x, float[] dy, float[]? before, int rows, int inputs, int outputs, long index)
    {
        long o = index / inputs, i = index % inputs;
        double sum = before?[index] ?? 0;
        for (long row = 0; row < rows; row++)
        {
            sum += (double)dy[(row * outputs) + o] * x[(row * inputs) + i];
        }

        return sum;
    }

    /// <summary>scale * op(a) op(b) at a flat index of the result <c>[batch0, batch1, m, n]</c>.</summary>
    public static double Product(
        float[] a, Shape shapeA, bool transposeA, float[] b, Shape shapeB, bool transposeB, float scale, Shape result,
        long index)
    {
        int m = result[-2], n = result[-1], k = transposeA ? shapeA[-2] : shapeA[-1];
        long column = index % n, row = index / n % m, member = index / n / m;
        long batch1 = result.Rank > 2 ? result[-3] : 1;
        long startA = Start(shapeA, member / batch1, member % batch1),
            startB = Start(shapeB, member / batch1, member % batch1);
        double sum = 0;
        for (int i = 0; i < k; i++)
        {
            sum += (double)a[startA + (transposeA ? (i * m) + row : (row * k) + i)]
                * b[startB + (transposeB ? (column * k) + i : (i * n) + column)];
        }

        return scale * sum;
    }

    private static long Start(Shape shape, long member0, long member1)
    {
        long extent0 = shape.Rank > 3 ? shape[-4] : 1, extent1 = shape.Rank > 2 ? shape[-3] : 1;
        return (((extent0 == 1 ? 0 : member0) * extent1) + (extent1 == 1 ? 0 : member1)) * shape[-2] * shape[-1];
    }
}
