"""Makes the byte pair vocabulary of the bundled model: one token for each word that captions of drawn datasets use.

    python3 make_tokenizer.py template/tokenizer

The format is that of CLIP (vocab.json, merges.txt): 256 byte symbols, the same at the end of a word, one symbol for each
merge, and the two special tokens. Any other text is spelled in bytes.
"""
import json
import pathlib
import sys

WORDS = """a and background on with circle square triangle star cross shape
red green blue yellow orange purple pink cyan brown black white grey gray magenta teal navy lime
the of in photo drawing picture small large light dark""".split()


def byte_symbols():
    """GPT-2's map of bytes to printable characters, in the order CLIP's vocabulary lists them."""
    keep = list(range(ord("!"), ord("~") + 1)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    codes = keep[:]
    for byte in range(256):
        if byte not in keep:
            keep.append(byte)
            codes.append(256 + len(codes) - 188)
    return [chr(code) for code in codes]


def main(folder):
    symbols = byte_symbols()
    merges = []
    for word in WORDS:
        left = word[0]
        for i in range(1, len(word)):
            right = word[i] + ("</w>" if i == len(word) - 1 else "")
            if (left, right) not in merges:
                merges.append((left, right))
            left += right
    names = symbols + [symbol + "</w>" for symbol in symbols] + ["".join(pair) for pair in merges]
    names += ["<|startoftext|>", "<|endoftext|>"]
    assert len(set(names)) == len(names)
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {name: i for i, name in enumerate(names)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = ["#version: 0.2"] + [" ".join(pair) for pair in merges]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(len(names), "tokens,", len(merges), "merges")


main(sys.argv[1])
