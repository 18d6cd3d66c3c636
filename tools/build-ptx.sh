#!/bin/sh
# Compiles the kernels to PTX, kernels/ptx/MODULE.ptx for each module of kernels/modules.txt, and of those in nv/ one
# for each of their targets. Needs clang 19 or newer and no CUDA toolkit; the PTX is committed, because users have no
# clang. With --check nothing is written, and what is committed is compared with what would be.
#
# Drivers compile PTX for the device they have; tools/kernel-targets.sh says which devices a file is for.
# Set PTXAS to an assembler of NVIDIA's to have each file assembled as well.
set -eu
cd "$(dirname "$0")/../kernels"
. ../tools/kernel-targets.sh
clang=${CLANG:-clang-19}
out=ptx
if [ "${1:-}" = --check ]; then out=$(mktemp -d); trap 'rm -rf "$out"' EXIT; fi
mkdir -p "$out/nv"
if [ "$out" = ptx ]; then rm -f ptx/*.ptx ptx/nv/*.ptx; fi

# lint FILE: clang hands on what inline assembly says without a look at the version of PTX it writes, and a driver
# refuses the file. Least versions and targets: the PTX ISA manual, "PTX ISA Notes" and "Target ISA Notes" of each instruction.
lint() {
    awk '
        function needs(word, version, target) {
            if (index($0, word) && (ptx < version || sm < target)) {
                printf "%s:%d: %s needs PTX %.1f and sm_%d, this is PTX %.1f for sm_%d\n",
                    FILENAME, FNR, word, version, target, ptx, sm > "/dev/stderr"
                wrong = 1
            }
        }
        $1 == ".version" { ptx = $2 }
        $1 == ".target" { sm = $2; exact = sm ~ /a/; gsub(/[^0-9]/, "", sm); sm += 0 }
        /^[ \t]/ {
            needs("shfl.sync", 6.0, 30)
            needs("ldmatrix", 6.5, 75)
            needs("m16n8k8.row.col.f32.f16", 6.5, 75)
            needs("m16n8k16.row.col.f32.f16", 7.0, 80)
            needs("cvt.rn.f16x2.f32", 7.0, 80)
            needs("cp.async", 7.0, 80)
            needs("mbarrier.", 7.0, 80)
            needs("cvta.param", 7.7, 70)
            needs(".shared::cta", 7.8, 80)
            needs(".shared::cluster", 7.8, 90)
            needs("mbarrier.try_wait", 7.8, 90)
            needs("stmatrix", 7.8, 90)
            needs(".expect_tx", 8.0, 90)
            needs("fence.mbarrier_init", 8.0, 90)
            needs("cp.async.bulk", 8.0, 90)
            needs("wgmma.", 8.0, 90)
            needs("setmaxnreg", 8.0, 90)
            if (/wgmma\.|setmaxnreg/ && !exact) {
                printf "%s:%d: what only sm_90a has, and this is for sm_%d\n", FILENAME, FNR, sm > "/dev/stderr"
                wrong = 1
            }
        }
        END { exit wrong }' "$1"
}

grep -v '^#' modules.txt | while read -r file defines; do
    module="$file${defines:+ $defines}"
    flags=""
    for define in $defines; do flags="$flags -D$define"; done
    for sm in $(targets_of "$file"); do
        target="$out/$(echo "$module" | tr ' ' '.')"
        options=""
        case $file in nv/*) target="$target.$sm"; options="-DSM=$(echo "$sm" | tr -dc 0-9)" ;; esac
        # By itself clang writes PTX 6.3 for Turing, which is from before ldmatrix.
        case $sm in sm_75) options="$options --cuda-feature=+ptx65" ;; esac
        {
            echo "// $module"
            # The version of the compiler and the names of files are no part of what is built.
            $clang -x cuda --cuda-device-only -nocudainc -nocudalib --cuda-gpu-arch="$sm" -O3 -ffp-contract=fast \
                -Wall -Werror -Wno-unused-function -Wno-unknown-cuda-version -I. $flags $options -S -o - "$file.c" |
                grep -v '^//'
        } > "$target.ptx"
        lint "$target.ptx"
        if [ -n "${PTXAS:-}" ]; then
            "$PTXAS" -arch="$(if [ "$sm" = sm_60 ]; then echo sm_75; else echo "$sm"; fi)" "$target.ptx" -o /dev/null
        fi
    done
done

if [ "$out" != ptx ]; then diff -r ptx "$out" && echo "kernels/ptx is what the kernels compile to"; fi
