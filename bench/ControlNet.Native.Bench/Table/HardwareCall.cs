using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text.Json.Nodes;
using System.Threading;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// What the hardware can do at most, on as many threads as the engine has: fused multiply-adds from registers
/// (<c>fma</c>), or a plain copy of so many bytes (<c>copy</c>), each thread its own part again and again. It uses
/// nothing of the engine.
/// </summary>
internal sealed unsafe class HardwareCall : TimedCall
{
    private const int FmaSteps = 4_000_000, FmaChains = 12;
    private const long CopyBytesPerRun = 64 << 20;
    private static float s_sink;
    private readonly Thread[] _threads;
    private readonly Barrier _start, _end;
    private readonly byte* _from, _to;
    private readonly long _partBytes;
    private readonly int _repeats;
    private readonly double _work;
    private volatile bool _stopped;

    private HardwareCall(int threads, long copyBytes)
    {
        (_start, _end) = (new Barrier(threads), new Barrier(threads));
        if (copyBytes > 0)
        {
            _partBytes = copyBytes / threads / Lane * Lane;
            _repeats = (int)Math.Max(1, CopyBytesPerRun / copyBytes);
            _from = Allocate(copyBytes);
            _to = Allocate(copyBytes);
            new Random(1).NextBytes(new Span<byte>(_from, (int)copyBytes));
            new Span<byte>(_to, (int)copyBytes).Fill(1);
            _work = 2.0 * _partBytes * threads * _repeats;
        }
        else
        {
            _work = 2.0 * FmaChains * (Lane / sizeof(float)) * FmaSteps * threads;
        }

        _threads = new Thread[threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int index = i + 1;
            _threads[i] = new Thread(() => Work(index)) { IsBackground = true };
            _threads[i].Start();
        }
    }

    private static int Lane => Avx512F.IsSupported ? 64 : Fma.IsSupported ? 32 : 16;

    /// <summary>Makes the call: <c>case</c> is <c>fma</c>, or <c>copy</c> with <c>bytes</c>, below 2 GiB.</summary>
    public static HardwareCall Make(JsonObject spec, int threads) =>
        new(threads, (string)spec["case"]! == "copy" ? (long)spec["bytes"]! : 0);

    /// <inheritdoc/>
    public override void Run()
    {
        _start.SignalAndWait();
        Part(0);
        _end.SignalAndWait();
    }

    /// <inheritdoc/>
    public override JsonObject First()
    {
        Run();
        return new JsonObject { ["work"] = _work };
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _stopped = true;
        _start.SignalAndWait();
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        _start.Dispose();
        _end.Dispose();
        NativeMemory.AlignedFree(_from);
        NativeMemory.AlignedFree(_to);
    }

    private static byte* Allocate(long bytes) => (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 4096);

    private void Work(int index)
    {
        while (true)
        {
            _start.SignalAndWait();
            if (_stopped)
            {
                return;
            }

            Part(index);
            _end.SignalAndWait();
        }
    }

    private void Part(int index)
    {
        if (_partBytes == 0)
        {
            Multiply();
            return;
        }

        for (int i = 0; i < _repeats; i++)
        {
            Copy(
                (float*)(_from + (index * _partBytes)), (float*)(_to + (index * _partBytes)),
                _partBytes / sizeof(float));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Copy(float* from, float* to, long count)
    {
        if (!Avx512F.IsSupported)
        {
            Buffer.MemoryCopy(from, to, count * sizeof(float), count * sizeof(float));
            return;
        }

        for (long i = 0; i < count; i += 16)
        {
            Vector512.Load(from + i).Store(to + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply()
    {
        if (Avx512F.IsSupported)
        {
            FmaChain512();
        }
        else if (Fma.IsSupported)
        {
            FmaChain256();
        }
        else
        {
            FmaChain128();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FmaChain512()
    {
        Vector512<float> x = Vector512.Create(0.999f), y = Vector512.Create(0.001f);
        Vector512<float> a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
        for (int step = 0; step < FmaSteps; step++)
        {
            a = Avx512F.FusedMultiplyAdd(a, x, y);
            b = Avx512F.FusedMultiplyAdd(b, x, y);
            c = Avx512F.FusedMultiplyAdd(c, x, y);
            d = Avx512F.FusedMultiplyAdd(d, x, y);
            e = Avx512F.FusedMultiplyAdd(e, x, y);
            f = Avx512F.FusedMultiplyAdd(f, x, y);
            g = Avx512F.FusedMultiplyAdd(g, x, y);
            h = Avx512F.FusedMultiplyAdd(h, x, y);
            i = Avx512F.FusedMultiplyAdd(i, x, y);
            j = Avx512F.FusedMultiplyAdd(j, x, y);
            k = Avx512F.FusedMultiplyAdd(k, x, y);
            l = Avx512F.FusedMultiplyAdd(l, x, y);
        }

        s_sink = Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FmaChain256()
    {
        Vector256<float> x = Vector256.Create(0.999f), y = Vector256.Create(0.001f);
        Vector256<float> a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
        for (int step = 0; step < FmaSteps; step++)
        {
            a = Fma.MultiplyAdd(a, x, y);
            b = Fma.MultiplyAdd(b, x, y);
            c = Fma.MultiplyAdd(c, x, y);
            d = Fma.MultiplyAdd(d, x, y);
            e = Fma.MultiplyAdd(e, x, y);
            f = Fma.MultiplyAdd(f, x, y);
            g = Fma.MultiplyAdd(g, x, y);
            h = Fma.MultiplyAdd(h, x, y);
            i = Fma.MultiplyAdd(i, x, y);
            j = Fma.MultiplyAdd(j, x, y);
            k = Fma.MultiplyAdd(k, x, y);
            l = Fma.MultiplyAdd(l, x, y);
        }

        s_sink = Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FmaChain128()
    {
        Vector128<float> x = Vector128.Create(0.999f), y = Vector128.Create(0.001f);
        Vector128<float> a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
        for (int step = 0; step < FmaSteps; step++)
        {
            a = Vector128.MultiplyAddEstimate(a, x, y);
            b = Vector128.MultiplyAddEstimate(b, x, y);
            c = Vector128.MultiplyAddEstimate(c, x, y);
            d = Vector128.MultiplyAddEstimate(d, x, y);
            e = Vector128.MultiplyAddEstimate(e, x, y);
            f = Vector128.MultiplyAddEstimate(f, x, y);
            g = Vector128.MultiplyAddEstimate(g, x, y);
            h = Vector128.MultiplyAddEstimate(h, x, y);
            i = Vector128.MultiplyAddEstimate(i, x, y);
            j = Vector128.MultiplyAddEstimate(j, x, y);
            k = Vector128.MultiplyAddEstimate(k, x, y);
            l = Vector128.MultiplyAddEstimate(l, x, y);
        }

        s_sink = Vector128.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }
}
