using System;
using System.Collections.Generic;

namespace ControlNet.Native.Text;

/// <summary>
/// Merges the bytes of one word, lowest rank first, leftmost first among equals. Source: Sennrich et al., 2016,
/// arXiv:1508.07909, algorithm 1; symbols form a linked list and candidates a heap, so a word of n bytes costs
/// O(n log n) instead of O(n²). Keeps its buffers: use one per thread.
/// </summary>
internal sealed class BytePairEncoder(ClipVocabulary vocabulary)
{
    private const int None = -1;

    private readonly PriorityQueue<int, long> _candidates = new();
    private int[] _ids = [];
    private int[] _previous = [];
    private int[] _next = [];

    /// <summary>Appends the tokens of one word.</summary>
    /// <param name="word">UTF-8; the last byte carries the end-of-word mark.</param>
    /// <param name="ids">Appended to.</param>
    public void Encode(ReadOnlySpan<byte> word, List<int> ids)
    {
        int count = word.Length;
        if (_ids.Length < count)
        {
            (_ids, _previous, _next) = (new int[count], new int[count], new int[count]);
        }

        for (int i = 0; i < count; i++)
        {
            _ids[i] = vocabulary.ByteId(word[i], endsWord: i == count - 1);
            (_previous[i], _next[i]) = (i - 1, i == count - 1 ? None : i + 1);
        }

        for (int i = 0; i < count; i++)
        {
            Propose(i);
        }

        while (_candidates.TryDequeue(out int left, out long order))
        {
            // A symbol swallowed since has no id; one that changed since has a pair of another rank.
            if (_ids[left] == None || !TryMerge(left, out ClipMerge merge) || merge.Rank != (int)(order >> 32))
            {
                continue;
            }

            int right = _next[left];
            (_ids[left], _ids[right]) = (merge.Id, None);
            _next[left] = _next[right];
            if (_next[left] != None)
            {
                _previous[_next[left]] = left;
            }

            Propose(left);
            if (_previous[left] != None)
            {
                Propose(_previous[left]);
            }
        }

        for (int i = 0; i != None && i < count; i = _next[i])
        {
            ids.Add(_ids[i]);
        }
    }

    private void Propose(int left)
    {
        if (TryMerge(left, out ClipMerge merge))
        {
            _candidates.Enqueue(left, ((long)merge.Rank << 32) | (uint)left);
        }
    }

    private bool TryMerge(int left, out ClipMerge merge)
    {
        int right = _next[left];
        merge = default;
        return right != None && vocabulary.TryMerge(_ids[left], _ids[right], out merge);
    }
}
