using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Native.Text;

/// <summary>
/// Lays the pieces of a prompt out in chunks of 75 tokens. Source: A1111 stable-diffusion-webui, sd_hijack_clip.py
/// <c>tokenize_line</c>.
/// </summary>
/// <param name="tokenizer">Makes the tokens and frames the chunks.</param>
/// <param name="inversions">The embeddings whose names may stand in the prompt.</param>
/// <param name="backtrack">
/// Where a chunk is full, the tokens behind its last comma move to the next one if there are at most this many; 0 cuts
/// between any two tokens.
/// </param>
internal sealed class PromptChunker(ClipTokenizer tokenizer, TextualInversions inversions, int backtrack)
{
    /// <summary>How far A1111 looks for a comma unless told otherwise.</summary>
    public const int Backtrack = 20;

    private readonly int _comma = tokenizer.Encode(",")[^1];
    private readonly int _room = tokenizer.MaxLength - 2;
    private readonly List<PromptChunk> _chunks = [];
    private List<(int Id, float Weight)> _open = [];
    private int _lastComma = -1;

    /// <summary>The chunks of a prompt.</summary>
    /// <param name="tokenizer">Makes the tokens and frames the chunks.</param>
    /// <param name="inversions">The embeddings whose names may stand in the prompt.</param>
    /// <param name="pieces">The prompt with its weights and breaks.</param>
    /// <param name="backtrack">As for the constructor.</param>
    /// <returns>At least one.</returns>
    public static List<PromptChunk> Chunk(
        ClipTokenizer tokenizer, TextualInversions inversions, IEnumerable<WeightedText> pieces, int backtrack)
    {
        PromptChunker chunker = new(tokenizer, inversions, backtrack);
        foreach (WeightedText piece in pieces)
        {
            if (piece.IsBreak)
            {
                chunker.Close();
            }
            else
            {
                chunker.Add(piece);
            }
        }

        if (chunker._open.Count > 0 || chunker._chunks.Count == 0)
        {
            chunker.Close();
        }

        return chunker._chunks;
    }

    private void Add(WeightedText piece)
    {
        float weight = (float)piece.Weight;
        foreach ((string text, TextualInversion? inversion, int firstRow) in inversions.Find(piece.Text))
        {
            if (inversion is null)
            {
                foreach (int token in tokenizer.Encode(text))
                {
                    Add(token, weight);
                }

                continue;
            }

            // The rows of one embedding stay together.
            if (_open.Count + inversion.Count > _room)
            {
                Close();
            }

            _open.AddRange(Enumerable.Range(firstRow, inversion.Count).Select(row => (row, weight)));
        }
    }

    private void Add(int token, float weight)
    {
        if (token == _comma)
        {
            _lastComma = _open.Count;
        }
        else if (_open.Count == _room && _lastComma >= 0 && _open.Count - _lastComma <= backtrack)
        {
            List<(int Id, float Weight)> moved = _open[(_lastComma + 1)..];
            _open.RemoveRange(_lastComma + 1, moved.Count);
            Close();
            _open = moved;
        }

        if (_open.Count == _room)
        {
            Close();
        }

        _open.Add((token, weight));
    }

    private void Close()
    {
        int[] ids = new int[_room + 2];
        tokenizer.Frame([.. _open.Select(token => token.Id)], ids);
        bool weighted = _open.Exists(token => token.Weight != 1);
        float[] padding = [.. Enumerable.Repeat(1f, _room - _open.Count + 1)];
        _chunks.Add(new PromptChunk(
            ids, weighted ? [1, .. _open.Select(token => token.Weight), .. padding] : null));
        _open = [];
        _lastComma = -1;
    }
}
