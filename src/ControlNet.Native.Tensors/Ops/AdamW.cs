using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>The optimiser's step and the average that follows its parameters.</content>
public static partial class Ops
{
    /// <summary>
    /// One step of AdamW: adaptive moments with weight decay apart from the gradient. Unlike other operations it
    /// changes its inputs: <paramref name="parameter"/>, <paramref name="mean"/> and <paramref name="square"/> hold the
    /// next values afterwards.
    /// </summary>
    /// <param name="parameter">What is trained, any shape.</param>
    /// <param name="gradient">Its gradient, the same shape.</param>
    /// <param name="mean">Running mean of the gradients, the same shape; zeros before the first step.</param>
    /// <param name="square">Running mean of their squares, the same shape; zeros before the first step.</param>
    /// <param name="step">Number of this step, from 1: early means are divided by what they still lack.</param>
    /// <param name="settings">Step length, decays and so on.</param>
    /// <exception cref="ShapeException">The shapes differ, or a setting is out of its range.</exception>
    /// <remarks>Source: Loshchilov and Hutter, 2017, arXiv:1711.05101, algorithm 2.</remarks>
    public static void AdamW(
        Tensor parameter, Tensor gradient, Tensor mean, Tensor square, long step, in AdamWSettings settings)
    {
        CheckFloats(parameter, parameter);
        CheckFloats(parameter, gradient);
        CheckFloats(parameter, mean);
        CheckFloats(parameter, square);
        if (Tape.Current is not null)
        {
            throw new TapeException(
                "AdamW: changes a parameter that an open tape may still read; run the tape backwards first");
        }

        AdamWDims d = AdamWDims.Infer(
            parameter.Shape, gradient.Shape, mean.Shape, square.Shape, step, settings);
        parameter.Backend.AdamW.Step(d, gradient.View, parameter.View, mean.View, square.View);
    }

    /// <summary>
    /// <c>average += (1 - decay) (x - average)</c>: an exponential moving average of parameters. Like
    /// <see cref="AdamW"/> it changes its input, <paramref name="average"/>.
    /// </summary>
    /// <param name="average">The average so far, any shape.</param>
    /// <param name="x">What it follows, the same shape.</param>
    /// <param name="decay">How much of itself the average keeps, from 0 to 1.</param>
    /// <exception cref="ShapeException">The shapes differ, or decay is not from 0 to 1.</exception>
    public static void MovingAverage(Tensor average, Tensor x, double decay)
    {
        CheckFloats(average, average);
        CheckFloats(average, x);
        if (x.Shape != average.Shape || !(decay is >= 0 and <= 1))
        {
            throw new ShapeException(
                $"MovingAverage: x must be {average.Shape} like the average and decay from 0 to 1, got {x.Shape} and " +
                $"{decay}");
        }

        Tape.Refuse(nameof(MovingAverage), "keep the average outside of what is trained", average);
        average.Backend.Pointwise.MovingAverage((float)(1 - decay), x.View, average.View);
    }
}
