using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace ControlNet.Native.Training;

/// <summary>
/// What a checkpoint is to hold: groups of named tensors, in order, and values. It names the memory and does not copy
/// it; each tensor is read when its turn to be written comes, so it must not change until the save is done.
/// </summary>
public sealed partial class TrainingState
{
    private readonly List<StateGroup> _groups = [];
    private readonly StateStaging _staging = new();

    /// <summary>Begins a state.</summary>
    /// <param name="step">Optimiser steps done, from 0; names the checkpoint.</param>
    /// <param name="architecture">
    /// What is trained, in words or as a fingerprint; a trainer of another architecture refuses the checkpoint.
    /// </param>
    public TrainingState(long step, string architecture)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentException.ThrowIfNullOrEmpty(architecture);
        (Step, Architecture) = (step, architecture);
    }

    /// <summary>Optimiser steps done.</summary>
    public long Step { get; }

    /// <summary>What is trained.</summary>
    public string Architecture { get; }

    /// <summary>Everything that is not a tensor: positions, seeds, settings.</summary>
    public StateValues Values { get; } = new();

    /// <summary>The groups, in the order they were added; each becomes one safetensors file.</summary>
    public IReadOnlyList<StateGroup> Groups => _groups;

    /// <summary>Adds an empty group of tensors.</summary>
    /// <param name="name">
    /// Stem of its file, for example <c>weights</c> or <c>adamw.m</c>: lower-case letters, digits, '.', '_', '-'.
    /// </param>
    /// <exception cref="ArgumentException">The name is no such stem, or was used before.</exception>
    public StateGroup AddGroup(string name)
    {
        if (!IsGroupName(name) || _groups.Any(group => group.Name == name))
        {
            throw new ArgumentException(
                $"'{name}' cannot name a group of tensors: use letters a-z, digits, '.', '_' and '-', begin with a " +
                "letter, and use each name once", nameof(name));
        }

        StateGroup added = new(name, _staging);
        _groups.Add(added);
        return added;
    }

    /// <summary>Whether a name is safe as the stem of a file.</summary>
    internal static bool IsGroupName(string? name) => name is not null && GroupName().IsMatch(name);

    [GeneratedRegex(@"^[a-z][a-z0-9._-]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex GroupName();
}
