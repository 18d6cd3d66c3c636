using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Reflection;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.OpTests;
using ControlNet.Native.Tests.Support;
using Xunit;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace ControlNet.Native.Tests.Backends;

/// <summary>
/// The tests of the operations, with their cases and definitions in double, on every device there is beside the CPU.
/// Where there is none a test prints the reason and ends.
/// </summary>
[Collection(OpenClUnderTest.Collection)]
public sealed class AgreementTests(ITestOutputHelper output)
{
    private static readonly Type[] s_classes =
    [
        typeof(AdamWTests), typeof(AttentionTests), typeof(AttentionGradientTests), typeof(BatchPositionTests),
        typeof(Conv2dTests), typeof(Conv2dGradientTests), typeof(GroupNormTests), typeof(GroupNormGradientTests),
        typeof(HalfActivationTests), typeof(HalfRefusalTests), typeof(LinearGegluTests),
        typeof(MatMulTests), typeof(MatMulGradientTests), typeof(MovementTests), typeof(MovementGradientTests),
        typeof(OpsCheckTests), typeof(PointwiseTests), typeof(PointwiseGradientTests), typeof(ReduceTests),
        typeof(ReduceGradientTests), typeof(TensorTests),
    ];

    /// <summary>Every test of an operation but those of full size, which are for benchmarks of devices.</summary>
    public static TheoryData<string, string> OpTests
    {
        get
        {
            TheoryData<string, string> all = [];
            foreach (Type type in s_classes)
            {
                foreach (MethodInfo method in type.GetMethods(BindingFlags.Public | BindingFlags.Instance))
                {
                    if (method.GetCustomAttribute<FactAttribute>() is not null &&
                        !method.Name.EndsWith("_at_full_size", StringComparison.Ordinal))
                    {
                        all.Add(type.Name, method.Name);
                    }
                }
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(OpTests))]
    public void Holds_on_every_device(string type, string test)
    {
        List<DeviceInfo> devices = [.. Devices.Enumerate().Where(d => d.Name != "cpu" && d.Missing is null)];
        if (devices.Count == 0)
        {
            IEnumerable<DeviceInfo> missing = Devices.Enumerate().Where(device => device.Missing is not null);
            string reasons = string.Join("; ", missing.Select(device => $"{device.Name}: {device.Missing}"));
            output.WriteLine($"not run: there is no device beside the CPU: {reasons}");
            return;
        }

        MethodInfo method = s_classes.Single(candidate => candidate.Name == type).GetMethod(test)!;
        List<string> failures = [];
        foreach (DeviceInfo device in devices)
        {
            Stopwatch watch = Stopwatch.StartNew();
            int rows = 0;
            foreach (object?[] row in Rows(method))
            {
                rows++;
                if (Run(device.Name, method, row) is { } failure)
                {
                    failures.Add($"{device.Name}: {test}({string.Join(", ", row)}): {failure}");
                }
            }

            output.WriteLine($"{device.Name} ({device.Description}): {rows} rows in {watch.ElapsedMilliseconds} ms");
        }

        Assert.True(failures.Count == 0, string.Join(Environment.NewLine, failures));
    }

    private static IEnumerable<object?[]> Rows(MethodInfo method)
    {
        DataAttribute[] data = [.. method.GetCustomAttributes<DataAttribute>()];
        return data.Length == 0 ? [[]] : data.SelectMany(attribute => attribute.GetData(method));
    }

    /// <summary>What went wrong, in one line; null for nothing.</summary>
    private static string? Run(string device, MethodInfo method, object?[] row)
    {
        using IDisposable use = TestDevice.Use(device);
        try
        {
            object test = Activator.CreateInstance(method.DeclaringType!)!;
            using IDisposable? end = test as IDisposable;
            ParameterInfo[] parameters = method.GetParameters();
            object?[] arguments = [.. row, .. parameters.Skip(row.Length).Select(parameter => parameter.DefaultValue)];
            method.Invoke(test, arguments);
            return null;
        }
        catch (TargetInvocationException e)
        {
            Exception cause = e.InnerException ?? e;
            return $"{cause.GetType().Name}: {cause.Message.ReplaceLineEndings(" ")}";
        }
    }
}
