"""Writes src/ControlNet.Native/Text/canonical-composition.txt from Python's unicodedata.

Run by hand when the table shall follow a newer Unicode version; the build never runs it.
    python3 tools/unicode/canonical_composition.py > src/ControlNet.Native/Text/canonical-composition.txt
"""
import unicodedata

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def combining_runs():
    run = None
    for c in CODE_POINTS:
        combining_class = unicodedata.combining(chr(c))
        if run and run[1] == c - 1 and run[2] == combining_class:
            run[1] = c
            continue
        if run and run[2]:
            yield run
        run = [c, c, combining_class]


def decompositions():
    for c in CODE_POINTS:
        mapping = unicodedata.decomposition(chr(c))
        if not mapping or mapping.startswith("<"):
            continue  # none, or a compatibility mapping
        parts = mapping.split()
        assert len(parts) <= 2
        assert len(parts) == 1 or unicodedata.normalize("NFD", chr(int(parts[1], 16))) == chr(int(parts[1], 16))
        recomposes = len(parts) == 2 and unicodedata.normalize("NFC", chr(c)) == chr(c)
        yield ("d" if recomposes else "x"), c, parts


print(f"# Canonical composition of Unicode {unicodedata.unidata_version}, without Hangul (which is arithmetic).")
print("# Derived from the Unicode Character Database, (c) Unicode, Inc., https://www.unicode.org/license.txt")
print("# Written by tools/unicode/canonical_composition.py.")
print("# c FIRST LAST CLASS   combining class of a run of code points; 0 where none is given")
print("# d CODE A B           CODE decomposes to A B and A B composes to CODE")
print("# x CODE A [B]         CODE decomposes to A B and never comes back")
for first, last, combining_class in combining_runs():
    print(f"c {first:04X} {last:04X} {combining_class}")
for kind, code, parts in decompositions():
    print(f"{kind} {code:04X} {' '.join(parts)}")
