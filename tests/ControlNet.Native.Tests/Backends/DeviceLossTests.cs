using System;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tensors.Gpu.Cuda;
using ControlNet.Native.Tensors.Gpu.OpenCl;
using ControlNet.Native.Tests.Pipeline;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Backends;

/// <summary>
/// A driver that fails while something runs: the failure is named, nothing is left behind, and the host goes on.
/// </summary>
public sealed class DeviceLossTests
{
    private const string Cure = "dispose what is on it and go on with another device, or start the process again";

    private static ImageRequest Request { get; } = TinyPipeline.Request with { Steps = 1 };

    [Theory]
    [InlineData(2, "testLaunch")]
    [InlineData(3, "testDownload")]
    public void A_loss_names_device_kernel_and_code_and_ends_the_device(int call, string operation)
    {
        FailingGpu gpu = new(1L << 30);
        Device device = new(new GpuBackend(gpu));
        using (TensorScope scope = TensorScope.Enter())
        {
            Tensor x = Tensor.From(device, new Shape(3, 5), new float[15]);

            // The kernel is built, launched, and its result copied.
            gpu.Fail(call, isLoss: true);
            GpuException loss = Assert.Throws<GpuException>(() => Ops.Softmax(x).ToArray());
            string? kernel = operation == "testLaunch" ? gpu.Gpu.Built.Single().ToString() : null;
            Assert.Equal(
                ("test:0", operation, 700, "TEST_ILLEGAL_ADDRESS", kernel, true),
                (loss.DeviceName, loss.Operation, loss.Code, loss.CodeName, loss.Kernel, loss.IsDeviceLost));
            string about = kernel is null ? "" : $" for kernel {kernel}";
            Assert.Equal(
                $"test:0: {operation}{about} failed with TEST_ILLEGAL_ADDRESS (700) and the device can do nothing " +
                $"more; {Cure}", loss.Message);

            Action[] more =
            [
                () => Ops.Softmax(x), () => Ops.Geglu(Tensor.From(device, new Shape(2, 2), new float[4])),
                () => Tensor.Zeros(device, new Shape(1 << 20)), () => x.ToArray(),
            ];
            Assert.All(more, action =>
            {
                GpuException refusal = Assert.Throws<GpuException>(action);
                Assert.Equal(
                    $"test:0 can do nothing more since {operation} failed with TEST_ILLEGAL_ADDRESS (700); {Cure}",
                    refusal.Message);
                Assert.Same(loss, refusal.InnerException);
                Assert.True(refusal.IsDeviceLost);
            });
            Assert.Equal(0, gpu.CallsAfterLoss);
        }

        Assert.Equal((0, 0), (device.BlocksInUse, device.BytesInUse));
        device.Dispose();
        Assert.Equal(0, gpu.Gpu.HeldBytes);
    }

    [Fact]
    public void Whichever_call_of_a_generation_is_refused_nothing_is_left_and_the_next_one_works()
    {
        FailingGpu gpu = new(1L << 30);
        using Device device = new(new GpuBackend(gpu));
        using StableDiffusion model = TinyPipeline.Load(device);
        using ControlNetModel net = TinyPipeline.LoadNet(device);
        ImageRequest request = Request with { Controls = [new() { Net = net, Image = TinyPipeline.Hint(40, 24) }] };
        (long, long) idle = (device.BlocksInUse, device.BytesInUse);
        _ = model.Generate(request);
        net.ForgetHints();
        int before = gpu.Calls;
        _ = model.Generate(request);
        int calls = gpu.Calls - before;
        for (int call = 1; call <= calls; call += Math.Max(1, calls / 40))
        {
            net.ForgetHints();
            gpu.Fail(call, isLoss: false);
            GpuException refusal = Assert.Throws<GpuException>(() => model.Generate(request));
            Assert.False(refusal.IsDeviceLost);
            net.ForgetHints();
            Assert.Equal(idle, (device.BlocksInUse, device.BytesInUse));
        }

        _ = model.Generate(request);
        net.ForgetHints();
        Assert.Equal(idle, (device.BlocksInUse, device.BytesInUse));
    }

    [Fact]
    public void Whichever_call_of_a_load_fails_nothing_is_left()
    {
        int calls = 0;
        for (int call = 0; call <= calls; call += Math.Max(1, calls / 10))
        {
            FailingGpu gpu = new(1L << 30);
            Device device = new(new GpuBackend(gpu));
            if (call == 0)
            {
                using StableDiffusion whole = TinyPipeline.Load(device);
                calls = gpu.Calls;
            }
            else
            {
                gpu.Fail(call, isLoss: true);
                Assert.True(Assert.Throws<GpuException>(() => TinyPipeline.Load(device)).IsDeviceLost);
            }

            Assert.Equal((0, 0), (device.BlocksInUse, device.BytesInUse));
            device.Dispose();
            Assert.Equal(0, gpu.Gpu.HeldBytes);
        }

        Assert.True(calls > 100, $"{calls} calls");
    }

    [Fact]
    public void After_a_loss_another_device_generates()
    {
        FailingGpu gpu = new(1L << 30);
        using Device lost = new(new GpuBackend(gpu)), cpu = Devices.Cpu(2);
        using (StableDiffusion model = TinyPipeline.Load(lost))
        {
            gpu.Fail(100, isLoss: true);
            Assert.True(Assert.Throws<GpuException>(() => model.Generate(Request)).IsDeviceLost);
            Assert.StartsWith(
                "test:0 can do nothing more since", Assert.Throws<GpuException>(() => model.Generate(Request)).Message,
                StringComparison.Ordinal);
            using StableDiffusion other = TinyPipeline.Load(cpu);
            Assert.Contains(other.Generate(Request).Decoded.ToArray(), value => value != 0);
        }

        Assert.Equal((0, 0), (lost.BlocksInUse, lost.BytesInUse));
        Assert.Equal(0, gpu.CallsAfterLoss);
    }

    [Fact]
    public void A_pipeline_whose_device_ran_out_of_memory_is_as_it_was()
    {
        CountingGpu gpu = new(48L << 20);
        using Device device = new(new GpuBackend(gpu));
        using StableDiffusion model = TinyPipeline.Load(device);
        (long, long) idle = (device.BlocksInUse, device.BytesInUse);
        DeviceMemoryException refusal = Assert.Throws<DeviceMemoryException>(
            () => model.Generate(Request with { Width = 1024, Height = 1024 }));
        Assert.StartsWith("test:0: ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(" bytes are not to be had: ", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(idle, (device.BlocksInUse, device.BytesInUse));
        _ = model.Generate(Request);
        Assert.Equal(idle, (device.BlocksInUse, device.BytesInUse));
    }

    [Fact]
    public void Codes_that_lose_a_device_are_told_from_those_that_refuse_a_call()
    {
        Assert.All([700, 702, 719, 214, 999], code => Assert.True(CudaNative.IsLoss(code)));
        Assert.All([1, 2, 200, 218, 500, 701], code => Assert.False(CudaNative.IsLoss(code)));
        Assert.All([-36, -9999], code => Assert.True(OpenClCodes.IsLoss(code, late: false)));
        Assert.All([-4, -5, -11, -52, -54], code => Assert.False(OpenClCodes.IsLoss(code, late: false)));
        Assert.All([-5, -14, -36], code => Assert.True(OpenClCodes.IsLoss(code, late: true)));
        Assert.All([-4, -6, -30, -38], code => Assert.False(OpenClCodes.IsLoss(code, late: true)));
    }
}
