using System;
using System.Collections.Generic;

namespace ControlNet.Native.Nn;

/// <summary>
/// Frees the weights of a half-built model. A constructor that throws leaves no object to dispose, and the parts built
/// before it are out of reach; everything a <see cref="Module"/> takes while a guard is open is therefore noted here.
/// </summary>
internal sealed class LoadGuard : IDisposable
{
    [ThreadStatic]
    private static LoadGuard? s_current;

    private readonly LoadGuard? _outer;
    private readonly List<IDisposable> _taken = [];
    private bool _complete;

    private LoadGuard(LoadGuard? outer) => _outer = outer;

    /// <summary>Opens a guard around the construction of a model. Guards nest and belong to one thread.</summary>
    public static LoadGuard Start() => s_current = new LoadGuard(s_current);

    /// <summary>Notes what a module took.</summary>
    public static void Note(IDisposable taken) => s_current?._taken.Add(taken);

    /// <summary>The model is whole and frees its own parts from now on.</summary>
    public void Complete() => _complete = true;

    /// <summary>Closes the guard; without <see cref="Complete"/> it frees what was noted.</summary>
    public void Dispose()
    {
        s_current = _outer;
        if (_complete)
        {
            // A larger model around this one may still fail.
            _outer?._taken.AddRange(_taken);
            return;
        }

        foreach (IDisposable taken in _taken)
        {
            taken.Dispose();
        }
    }
}
