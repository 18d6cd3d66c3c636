using System.Linq;
using System.Runtime.Intrinsics.X86;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Cpu;
using ControlNet.Native.Tensors.Cpu.Gemm;
using Xunit;

namespace ControlNet.Native.Tests.Backends;

/// <summary>What <c>CONTROLNET_FORCE</c> may say.</summary>
public sealed class ForcedImplementationsTests
{
    private const string Known =
        "use conv2d:winograd4, conv2d:winograd2, conv2d:direct, gemm:avx512, gemm:avx2, gemm:vector128, gemm:scalar, " +
        "several with commas between";

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("", null, null)]
    [InlineData("conv2d:direct", "direct", null)]
    [InlineData(" gemm:scalar , conv2d:winograd2 ", "winograd2", "scalar")]
    [InlineData("conv2d:direct,conv2d:winograd4", "winograd4", null)]
    public void Names_implementations_of_families(string? list, string? conv2d, string? gemm) =>
        Assert.Equal(new ForcedImplementations(conv2d, gemm), ForcedImplementations.Parse(list));

    [Theory]
    [InlineData("conv2d:im2col")]
    [InlineData("convolution:direct")]
    [InlineData("gemm")]
    [InlineData("gemm:avx2:avx512")]
    [InlineData("gemm:")]
    public void Refuses_what_it_does_not_know(string list) =>
        Assert.Equal(
            $"CONTROLNET_FORCE: '{list}' is not known; {Known}",
            Assert.Throws<DeviceException>(() => ForcedImplementations.Parse($"conv2d:direct,{list}")).Message);

    [Fact]
    public void Refuses_a_kernel_this_processor_cannot_run()
    {
        foreach (string name in GemmKernel.Names)
        {
            if (GemmKernel.RefusalOf(name) is { } refusal)
            {
                Assert.Equal(
                    $"CONTROLNET_FORCE: gemm:{name} {refusal}, which this processor has not; pin another or none",
                    Assert.Throws<DeviceException>(() => ForcedImplementations.Parse($"gemm:{name}")).Message);
            }
            else
            {
                Assert.Equal(name, ForcedImplementations.Parse($"gemm:{name}").Gemm);
            }
        }

        Assert.Equal(Avx512F.IsSupported, GemmKernel.RefusalOf("avx512") is null);
        Assert.Null(GemmKernel.RefusalOf(GemmKernel.Names.Last()));
    }
}
