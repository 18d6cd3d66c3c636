using System.Runtime.CompilerServices;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Two vectors at a time, of either width.</content>
internal readonly unsafe partial struct SoftmaxLanes
{
    /// <summary>
    /// Two vectors of lanes, from <paramref name="lane"/> on; scores and sums already point there. Two, because the
    /// chain of one exponential leaves the arithmetic units idle half of the time.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WeighPair<TLanes, TVector>(float* scores, int keys, float* sums, int rows, int lane, bool first)
        where TLanes : struct, ILanes<TVector>
    {
        float* end = scores + ((long)keys * Lanes);
        TVector before0 = TLanes.Load(_largest + lane), before1 = TLanes.Load(_largest + lane + TLanes.Count);
        TVector even0 = before0, even1 = before1, odd0 = before0, odd1 = before1;
        float* at = scores;
        for (; at < end - Lanes; at += 2 * Lanes)
        {
            even0 = TLanes.Max(even0, TLanes.Load(at));
            even1 = TLanes.Max(even1, TLanes.Load(at + TLanes.Count));
            odd0 = TLanes.Max(odd0, TLanes.Load(at + Lanes));
            odd1 = TLanes.Max(odd1, TLanes.Load(at + Lanes + TLanes.Count));
        }

        if (at < end)
        {
            even0 = TLanes.Max(even0, TLanes.Load(at));
            even1 = TLanes.Max(even1, TLanes.Load(at + TLanes.Count));
        }

        TVector largest0 = TLanes.Max(even0, odd0), largest1 = TLanes.Max(even1, odd1);
        TVector sum0 = TLanes.Load(_sum + lane), sum1 = TLanes.Load(_sum + lane + TLanes.Count);
        if (!first && !(TLanes.EqualsAll(largest0, before0) && TLanes.EqualsAll(largest1, before1)))
        {
            TVector factor0 = VectorMath.FastExp2<TLanes, TVector>(TLanes.Subtract(before0, largest0));
            TVector factor1 = VectorMath.FastExp2<TLanes, TVector>(TLanes.Subtract(before1, largest1));
            sum0 = TLanes.Multiply(sum0, factor0);
            sum1 = TLanes.Multiply(sum1, factor1);
            for (int row = 0; row < rows; row++, sums += Lanes)
            {
                TLanes.Store(TLanes.Multiply(TLanes.Load(sums), factor0), sums);
                TLanes.Store(TLanes.Multiply(TLanes.Load(sums + TLanes.Count), factor1), sums + TLanes.Count);
            }
        }

        for (at = scores; at < end; at += Lanes)
        {
            TVector weight0 = VectorMath.FastExp2<TLanes, TVector>(TLanes.Subtract(TLanes.Load(at), largest0));
            TVector weight1 = VectorMath.FastExp2<TLanes, TVector>(
                TLanes.Subtract(TLanes.Load(at + TLanes.Count), largest1));
            TLanes.Store(weight0, at);
            TLanes.Store(weight1, at + TLanes.Count);
            sum0 = TLanes.Add(sum0, weight0);
            sum1 = TLanes.Add(sum1, weight1);
        }

        TLanes.Store(largest0, _largest + lane);
        TLanes.Store(largest1, _largest + lane + TLanes.Count);
        TLanes.Store(sum0, _sum + lane);
        TLanes.Store(sum1, _sum + lane + TLanes.Count);
    }
}
