using System.Linq;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

/// <summary>Timesteps are uniform over those that are trained.</summary>
public sealed class DiffusionNoiseTests
{
    private const int Members = 4000;

    [Theory]
    [InlineData(0, null, 0, 999)]
    [InlineData(500, null, 500, 999)]
    [InlineData(0, 99, 0, 99)]
    [InlineData(7, 7, 7, 7)]
    public void Every_timestep_of_the_range_is_as_likely(int least, int? most, int first, int last)
    {
        float[] drawn = Draw(new ControlNetTrainingOptions { MinTimestep = least, MaxTimestep = most });
        Assert.All(drawn, timestep => Assert.InRange(timestep, first, last));

        // Ten standard deviations of a mean of 4,000.
        double width = last - first, mean = first + width / 2;
        Assert.InRange(drawn.Average(), mean - width / 21, mean + width / 21);
        double above = drawn.Count(timestep => timestep >= mean) / (double)Members;
        Assert.InRange(above, width == 0 ? 1 : 0.42, width == 0 ? 1 : 0.58);
    }

    [Fact]
    public void One_that_the_schedule_lacks_is_refused()
    {
        TrainingOptionsException e = Assert.Throws<TrainingOptionsException>(
            () => Draw(new ControlNetTrainingOptions { MinTimestep = 3, MaxTimestep = 1000 }));
        Assert.Equal("MaxTimestep is 1000, but must be from 3 to 999", e.Message);
        e = Assert.Throws<TrainingOptionsException>(() => Draw(new ControlNetTrainingOptions { MinTimestep = 1000 }));
        Assert.Equal("MinTimestep is 1000, but must be from 0 to 999", e.Message);
    }

    private static float[] Draw(TrainingOptions options)
    {
        using Device device = Devices.Cpu(1);
        using TensorScope scope = TensorScope.Enter();
        DiffusionNoise noise = new(
            new SchedulerConfig { Kind = SamplerKind.Ddim }, device, new TrainingRandom(5), options);
        return noise.Apply(Tensor.From(device, new Shape(Members, 1, 1, 1), new float[Members]), 0).Timesteps;
    }
}
