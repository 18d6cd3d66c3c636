#!/usr/bin/env python3
"""Writes the matrix micro-kernels, src/ControlNet.Native.Tensors/Cpu/Gemm/Gemm*.g.cs. Run it from the repository root;
with --check it writes nothing and fails when a file differs.

A kernel multiplies up to MaxRows rows of a with one panel b[depth][32], or with the first 16 columns of one, and stores or
adds the product into c. Its
accumulators must be separate locals: as arrays the JIT keeps them in memory and the kernel runs at a third of its speed.
Nobody writes 28 locals by hand, hence this script.
"""
import os
import sys

FOLDER = "src/ControlNet.Native.Tensors/Cpu/Gemm"
PANEL, NARROW = 32, 16


class Tile:
    """One instruction set: vector type, lanes, vectors in a pass, rows."""

    def __init__(self, name, summary, vector, lanes, vectors, rows, usings):
        self.name, self.summary, self.vector, self.lanes = name, summary, vector, lanes
        self.vectors, self.rows, self.usings = vectors, rows, usings
        self.columns = lanes * vectors
        self.type = f"{vector}<float>" if vector else "float"

    def zero(self):
        return f"{self.type}.Zero" if self.vector else "0f"

    def load(self, address):
        if not self.vector:
            return f"*({address})"
        return f"{self.vector}.Load({address})"

    def spread(self, element):
        return f"{self.vector}.Create({element})" if self.vector else element

    def store(self, value, address):
        if not self.vector:
            return f"*({address}) = {value};"
        return f"({value}).Store({address});" if "+" in value else f"{value}.Store({address});"

    def multiply_add(self, x, b, c):
        return {
            "Vector512": f"Avx512F.FusedMultiplyAdd({x}, {b}, {c})",
            "Vector256": f"Fma.MultiplyAdd({x}, {b}, {c})",
            "Vector128": f"Vector128.MultiplyAddEstimate({x}, {b}, {c})",
            None: f"({x} * {b}) + {c}",
        }[self.vector]

    @property
    def prefetches(self):
        return self.vector in ("Vector512", "Vector256")


TILES = [
    Tile("Gemm14x32Avx512", "AVX-512: 28 accumulators, two loads of b and a broadcast of a fill 31 of 32 registers.",
         "Vector512", 16, 2, 14, ["System.Runtime.Intrinsics", "System.Runtime.Intrinsics.X86"]),
    Tile("Gemm6x16Avx2", "AVX2 with FMA: 12 accumulators, two loads and a broadcast fill 15 of 16 registers; a panel takes two passes.",
         "Vector256", 8, 2, 6, ["System.Runtime.Intrinsics", "System.Runtime.Intrinsics.X86"]),
    Tile("Gemm6x8Vector128", "128-bit vectors, on ARM64 and old x86: 12 accumulators; a panel takes four passes.",
         "Vector128", 4, 2, 6, ["System.Runtime.Intrinsics"]),
    Tile("Gemm2x4Scalar", "Plain floats, where no vectors are to be had: 8 accumulators; a panel takes eight passes.",
         None, 1, 4, 2, []),
]

PARAMETERS = "nint depth, float* a, nint lda, float* b, float* c, nint ldc, bool accumulate, byte* ahead"


def kernel(tile, rows, transposed, vectors):
    """One method of so many vectors a row. Rows of a share pointers in threes, so that 14 rows need 5 registers instead of 14."""
    out = []
    name = f"{'Columns' if transposed else 'Rows'}{rows}x{vectors * tile.lanes}"
    out += ["    [MethodImpl(MethodImplOptions.AggressiveOptimization)]", f"    private static void {name}({PARAMETERS})", "    {"]
    for i in range(rows):
        locals_ = ", ".join(f"c{i}v{j} = {tile.zero()}" for j in range(vectors))
        out.append(f"        {tile.type} {locals_};")
    groups = 1 if transposed else (rows + 2) // 3
    for g in range(1, groups):
        out.append(f"        float* a{g} = a + ({3 * g} * lda);")
    out += ["        for (; depth > 0; depth--)", "        {"]
    if tile.prefetches:
        out += ["            if (ahead != null)", "            {", "                Sse.Prefetch1(ahead);",
                "                ahead += 64;", "            }", ""]
    for j in range(vectors):
        at = f"b + {j * tile.lanes}" if j else "b"
        out.append(f"            {tile.type} b{j} = {tile.load(at)};")
    for i in range(rows):
        if transposed:
            element = f"a[{i}]"
        else:
            base = f"a{i // 3}" if i >= 3 else "a"
            element = [f"*{base}", f"{base}[lda]", f"{base}[2 * lda]"][i % 3]
        declare = f"{tile.type} x" if i == 0 else "x"
        out.append(f"            {declare} = {tile.spread(element)};")
        for j in range(vectors):
            c = f"c{i}v{j}"
            out.append(f"            {c} = {tile.multiply_add('x', f'b{j}', c)};")
    if transposed:
        out.append("            a += lda;")
    else:
        out += [f"            a{g if g else ''}++;" for g in range(groups)]
    out += [f"            b += {PANEL};", "        }", "", "        if (accumulate)", "        {"]
    for i in range(rows):
        for j in range(vectors):
            at = f"c + {j * tile.lanes}" if j else "c"
            out.append(f"            {tile.store(f'{tile.load(at)} + c{i}v{j}', at)}")
        if i < rows - 1:
            out.append("            c += ldc;")
    out += ["        }", "        else", "        {"]
    for i in range(rows):
        for j in range(vectors):
            at = f"c + {j * tile.lanes}" if j else "c"
            out.append(f"            {tile.store(f'c{i}v{j}', at)}")
        if i < rows - 1:
            out.append("            c += ldc;")
    out += ["        }", "    }"]
    return out


def dispatcher(tile, transposed, columns):
    name, method = ("Transposed", "Columns") if transposed else ("RowMajor", "Rows")
    name += "" if columns == PANEL else "Narrow"
    width = min(columns, tile.columns)
    what = "a panel of 32 columns" if columns == PANEL else "the first 16 columns of a panel"
    layout = "a[k * lda + i]" if transposed else "a[i * lda + k]"
    out = [f"    /// <summary>Up to <see cref=\"MaxRows\"/> rows of a, <c>{layout}</c>, times {what}.</summary>",
           f"    public static void {name}(int rows, {PARAMETERS})", "    {"]
    passes, indent = columns // width, "        "
    if passes > 1:
        out += [f"        for (int column = 0; column < {columns}; column += {width})", "        {"]
        indent += "    "
    out += [f"{indent}switch (rows)", indent + "{"]
    offset = " + column" if passes > 1 else ""
    for rows in range(tile.rows, 0, -1):
        label = "default" if rows == 1 else f"case {rows}"
        out += [f"{indent}    {label}:",
                f"{indent}        {method}{rows}x{width}(depth, a, lda, b{offset}, c{offset}, ldc, accumulate, ahead);",
                f"{indent}        break;"]
    out.append(indent + "}")
    if passes > 1:
        if tile.prefetches:
            out += ["", f"{indent}ahead = null;"]
        out.append("        }")
    out.append("    }")
    return out


def source(tile):
    usings = sorted(["System.Runtime.CompilerServices", *tile.usings])
    out = ["// <auto-generated>Written by tools/kernelgen/gemm_kernels.py; change that and run it again.</auto-generated>",
           "#nullable enable", *[f"using {u};" for u in usings], "",
           "namespace ControlNet.Native.Tensors.Cpu.Gemm;", "",
           f"/// <summary>{tile.summary}</summary>", f"internal static unsafe class {tile.name}", "{",
           "    /// <summary>Rows one call may have.</summary>", f"    public const int MaxRows = {tile.rows};"]
    for columns in (PANEL, NARROW):
        for transposed in (False, True):
            out += ["", *dispatcher(tile, transposed, columns)]
    for vectors in sorted({min(columns // tile.lanes, tile.vectors) for columns in (PANEL, NARROW)}, reverse=True):
        for transposed in (False, True):
            for rows in range(1, tile.rows + 1):
                out += ["", *kernel(tile, rows, transposed, vectors)]
    out.append("}")
    return "\n".join(out) + "\n"


differing = []
for t in TILES:
    path = os.path.join(FOLDER, f"{t.name}.g.cs")
    if "--check" in sys.argv:
        with open(path, newline="") as f:
            differing += [path] if f.read() != source(t) else []
    else:
        with open(path, "w", newline="\n") as f:
            f.write(source(t))
if differing:
    sys.exit("not what the generator writes: " + ", ".join(differing))
