using System;
using System.Linq;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Unet;

/// <summary>
/// The timesteps of one forward, as its residual blocks ask for them: rows of a <see cref="TimeContext"/>, which is
/// that of the request where the request announced them, and else one of this forward alone.
/// </summary>
internal sealed class StepTime : IDisposable
{
    private readonly TimeEmbedding _embedding;
    private readonly TimeContext _context;
    private readonly bool _ownsContext;
    private readonly int[] _rows;

    /// <param name="embedding">The embedding of the network that runs.</param>
    /// <param name="timesteps">One for the whole batch, or one for each of the latents.</param>
    /// <param name="latents">Members of the batch, N.</param>
    /// <param name="planned">The timesteps of the request; null for none.</param>
    /// <exception cref="ModelException">The count of timesteps is neither 1 nor N, or one is not a number.</exception>
    public StepTime(TimeEmbedding embedding, ReadOnlySpan<float> timesteps, int latents, TimeContext? planned)
    {
        if (timesteps.Length != 1 && timesteps.Length != latents)
        {
            throw new ModelException(
                $"a batch of {latents} latents takes 1 timestep or {latents}, got {timesteps.Length}; " +
                "give one for all or one for each");
        }

        // What is recorded belongs to one tape and must not be kept for the next.
        planned = Tape.IsOpen ? null : planned;
        _embedding = embedding;
        _rows = new int[timesteps.Length];
        for (int i = 0; i < timesteps.Length; i++)
        {
            _rows[i] = planned?.RowOf(timesteps[i]) ?? -1;
        }

        _ownsContext = planned is null || _rows.Contains(-1);
        _context = _ownsContext ? new TimeContext(timesteps) : planned!;
        if (_ownsContext)
        {
            _rows = [.. Enumerable.Range(0, timesteps.Length)];
        }
    }

    /// <summary>Frees what was made for this forward alone.</summary>
    public void Dispose()
    {
        if (_ownsContext)
        {
            _context.Dispose();
        }
    }

    /// <summary>The embedding as a residual block projects it.</summary>
    /// <param name="projection">The block's layer.</param>
    /// <param name="batch">Images the block works on: N, or a multiple where guidance has parted them.</param>
    /// <returns>One row for each image, <c>[batch, outFeatures]</c>, in the caller's scope.</returns>
    public Tensor Projected(Linear projection, int batch)
    {
        Tensor all = _context.RowsOf(projection)
            ?? _context.Keep(projection, projection.Forward(Embedded()));
        if (_rows.Length == batch && IsOneRun())
        {
            return all.Rows(_rows[0], batch);
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor[] each = new Tensor[batch];
        for (int i = 0; i < batch; i++)
        {
            each[i] = all.Rows(_rows[i % _rows.Length], 1);
        }

        return scope.Keep(Ops.Concat(0, each));
    }

    private Tensor Embedded() =>
        _context.RowsOf(_embedding) ?? _context.Keep(_embedding, _embedding.Forward(_context.Timesteps));

    private bool IsOneRun()
    {
        for (int i = 1; i < _rows.Length; i++)
        {
            if (_rows[i] != _rows[0] + i)
            {
                return false;
            }
        }

        return true;
    }
}
