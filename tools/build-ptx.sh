#!/bin/sh
# Compiles the kernels to PTX, kernels/ptx/MODULE.ptx for each module of kernels/modules.txt. Needs clang 19 or newer and
# no CUDA toolkit; the PTX is committed, because users have no clang. With --check nothing is written, and what is
# committed is compared with what would be.
#
# PTX for sm_60 (PTX ISA 5.0) runs on every NVIDIA GPU since Pascal: their drivers compile it for the device they have.
# Set PTXAS to an assembler of NVIDIA's to have each file assembled as well.
set -eu
cd "$(dirname "$0")/../kernels"
clang=${CLANG:-clang-19}
out=ptx
if [ "${1:-}" = --check ]; then out=$(mktemp -d); trap 'rm -rf "$out"' EXIT; fi
mkdir -p "$out"
if [ "$out" = ptx ]; then rm -f ptx/*.ptx; fi

grep -v '^#' modules.txt | while read -r file defines; do
    module="$file${defines:+ $defines}"
    flags=""
    for define in $defines; do flags="$flags -D$define"; done
    target="$out/$(echo "$module" | tr ' ' '.').ptx"
    {
        echo "// $module"
        # The version of the compiler and the names of files are no part of what is built.
        $clang -x cuda --cuda-device-only -nocudainc -nocudalib --cuda-gpu-arch=sm_60 -O3 -ffp-contract=fast \
            -Wall -Werror -Wno-unused-function -Wno-unknown-cuda-version -I. $flags -S -o - "$file.c" |
            grep -v '^//'
    } > "$target"
    if [ -n "${PTXAS:-}" ]; then "$PTXAS" -arch=sm_75 "$target" -o /dev/null; fi
done

if [ "$out" != ptx ]; then diff -r ptx "$out" && echo "kernels/ptx is what the kernels compile to"; fi
