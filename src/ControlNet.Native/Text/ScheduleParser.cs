using System;
using System.Buffers;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace ControlNet.Native.Text;

/// <summary>
/// Reads the grammar of scheduled prompts in one pass. Source: A1111 stable-diffusion-webui, prompt_parser.py
/// <c>schedule_parser</c>. There it is an ambiguous grammar for a general parser; here a bracket that closes as the
/// grammar has it is what it says, and one that does not makes itself and all around it text.
/// </summary>
internal sealed class ScheduleParser
{
    // Deeper prompts are text; it bounds the recursion of the nodes.
    private const int DeepestNesting = 100;

    private static readonly SearchValues<char> s_numberChars = SearchValues.Create("+-.0123456789eE");

    private readonly Stack<Bracket> _open = new();
    private readonly List<ScheduleNode> _root = [];
    private bool _strayBar;

    private ScheduleParser() { }

    /// <summary>The parts of a prompt; null where the grammar refuses the whole of it.</summary>
    public static List<ScheduleNode>? Parse(string text)
    {
        ScheduleParser parser = new();
        for (int i = 0; i < text.Length && !parser._strayBar; i++)
        {
            if (text[i] != '\\')
            {
                parser.Take(text[i]);
            }
            else if (i + 1 == text.Length || text[i + 1] == '\n')
            {
                return null;
            }
            else
            {
                AddText(parser.Top, text[i]);
                AddText(parser.Top, text[++i]);
            }

            if (parser._open.Count > DeepestNesting)
            {
                return null;
            }
        }

        parser.Dissolve();
        return parser._strayBar ? null : parser._root;
    }

    private List<ScheduleNode> Top => _open.TryPeek(out Bracket? bracket) ? bracket.Parts[^1] : _root;

    private void Take(char c)
    {
        Bracket? top = _open.Count > 0 ? _open.Peek() : null;
        switch (c)
        {
            case '(' or '[':
                _open.Push(new Bracket(c));
                return;
            case ':' when top is not null && top.TakesColon:
            case '|' when top is not null && top.TakesBar:
                top.Separator = c;
                top.Parts.Add([]);
                return;
            case ')' when top is { Opening: '(' }:
            case ']' when top is { Opening: '[', Separator: null }:
                _ = _open.Pop();
                Flatten(top, Top);
                AddText(Top, c);
                return;
            case ']' when top is { Opening: '[' } && top.Closed() is { } node:
                _ = _open.Pop();
                Top.Add(node);
                return;
            case ':' or '|' or ')' or ']':
                Dissolve();
                _strayBar |= c == '|';
                AddText(_root, c);
                return;
            default:
                AddText(Top, c);
                return;
        }
    }

    /// <summary>Makes every open bracket text; what closed within them stays what it is.</summary>
    private void Dissolve()
    {
        foreach (Bracket bracket in _open.Reverse())
        {
            _strayBar |= bracket.Separator == '|';
            Flatten(bracket, _root);
        }

        _open.Clear();
    }

    private static void Flatten(Bracket bracket, List<ScheduleNode> into)
    {
        AddText(into, bracket.Opening);
        for (int i = 0; i < bracket.Parts.Count; i++)
        {
            if (i > 0)
            {
                AddText(into, bracket.Separator!.Value);
            }

            into.AddRange(bracket.Parts[i]);
        }
    }

    private static void AddText(List<ScheduleNode> nodes, char c)
    {
        if (nodes.Count == 0 || nodes[^1] is not ScheduleText)
        {
            nodes.Add(new ScheduleText());
        }

        ((ScheduleText)nodes[^1]).Text.Append(c);
    }

    /// <summary>A bracket that is not closed yet.</summary>
    private sealed class Bracket(char opening)
    {
        public char Opening { get; } = opening;

        /// <summary>The parts between separators, the last one unfinished.</summary>
        public List<List<ScheduleNode>> Parts { get; } = [[]];

        /// <summary>What separates them, a colon or a bar; null while there is one part.</summary>
        public char? Separator { get; set; }

        /// <summary><c>(a:b)</c>, <c>[a:1]</c> and <c>[a:b:1]</c> are in the grammar.</summary>
        public bool TakesColon => Separator != '|' && Parts.Count < (Opening == '(' ? 2 : 3);

        /// <summary><c>[a|b|…]</c> is in the grammar.</summary>
        public bool TakesBar => Opening == '[' && Separator != ':';

        /// <summary>What changes when a square bracket closes here; null where nothing does.</summary>
        public ScheduleNode? Closed()
        {
            if (Separator == '|')
            {
                return new ScheduleTurns(Parts);
            }

            return Separator == ':' && TryReadNumber(Parts[^1], out double when, out bool isShare)
                ? new ScheduleChange(Parts.Count == 3 ? Parts[0] : [], Parts[^2], when, isShare)
                : null;
        }

        private static bool TryReadNumber(List<ScheduleNode> part, out double when, out bool isShare)
        {
            string text = part is [ScheduleText only] ? only.Text.ToString().Trim() : string.Empty;
            isShare = text.Contains('.', StringComparison.Ordinal);
            when = 0;
            const NumberStyles styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint
                | NumberStyles.AllowExponent;
            return text.Length > 0 && double.TryParse(text, styles, CultureInfo.InvariantCulture, out when)
                && text.AsSpan().IndexOfAnyExcept(s_numberChars) < 0;
        }
    }
}
