using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.House;

/// <summary>
/// The public surface is what <c>docs/public-api.txt</c> lists, a line a member. A change of the surface is a change of
/// that file, so that it is seen in review; the failing test prints the lines to add and remove.
/// </summary>
public sealed class PublicApiTests
{
    private static string ListFile => Path.Combine(Repository.Root, "docs", "public-api.txt");

    [Fact]
    public void Is_what_the_list_says()
    {
        string[] actual = [.. Members().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (Environment.GetEnvironmentVariable("CONTROLNET_WRITE_API") == "1")
        {
            File.WriteAllText(ListFile, string.Join('\n', actual) + "\n");
        }

        string[] listed = File.ReadAllLines(ListFile);
        StringBuilder difference = new();
        foreach (string line in actual.Except(listed))
        {
            difference.AppendLine($"+ {line}");
        }

        foreach (string line in listed.Except(actual))
        {
            difference.AppendLine($"- {line}");
        }

        Assert.True(
            difference.Length == 0,
            "the public API changed; run the tests once with CONTROLNET_WRITE_API=1 to accept:" +
            $"{Environment.NewLine}{difference}");
    }

    private static IEnumerable<string> Members()
    {
        foreach (Assembly assembly in new[] { typeof(Tensor).Assembly, typeof(Weights.WeightMap).Assembly })
        {
            foreach (Type type in assembly.GetExportedTypes())
            {
                yield return $"{Kind(type)} {type.FullName}";
                foreach (MemberInfo member in type.GetMembers(
                    BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly))
                {
                    if (Show(member) is { } text)
                    {
                        yield return $"{type.FullName}.{text}";
                    }
                }
            }
        }
    }

    private static string Kind(Type type) =>
        type.IsInterface ? "interface" : type.IsEnum ? "enum" : type.IsValueType ? "struct"
        : typeof(Delegate).IsAssignableFrom(type) ? "delegate"
        : type is { IsAbstract: true, IsSealed: true } ? "static class"
        : "class";

    private static string? Show(MemberInfo member) => member switch
    {
        ConstructorInfo constructor => $"new({Parameters(constructor)})",
        MethodInfo { IsSpecialName: true } => null,
        MethodInfo method when IsGenerated(method) => null,
        MethodInfo method => $"{method.Name}({Parameters(method)}) : {Name(method.ReturnType)}",
        PropertyInfo { Name: "EqualityContract" } => null,
        PropertyInfo { SetMethod.IsPublic: true } property =>
            $"{property.Name} : {Name(property.PropertyType)} {{ set }}",
        PropertyInfo property => $"{property.Name} : {Name(property.PropertyType)}",
        FieldInfo { IsSpecialName: true } => null,
        FieldInfo field => $"{field.Name} : {Name(field.FieldType)}",
        EventInfo raised => $"event {raised.Name} : {Name(raised.EventHandlerType!)}",
        _ => null,
    };

    /// <summary>What the compiler adds to records is not listed.</summary>
    private static bool IsGenerated(MethodInfo method) =>
        method.GetCustomAttribute<System.Runtime.CompilerServices.CompilerGeneratedAttribute>() is not null;

    private static string Parameters(MethodBase method) =>
        string.Join(", ", method.GetParameters()
            .Select(p => $"{Name(p.ParameterType)} {p.Name}{(p.HasDefaultValue ? "?" : "")}"));

    private static string Name(Type type)
    {
        if (!type.IsGenericType)
        {
            return type.Name;
        }

        string arguments = string.Join(", ", type.GetGenericArguments().Select(Name));
        return $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{arguments}>";
    }
}
