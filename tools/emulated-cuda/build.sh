#!/bin/sh
# Builds an emulated libcuda.so.1 from the kernels, for tests of the CUDA backend where there is no GPU:
#
#     tools/emulated-cuda/build.sh FOLDER
#     CONTROLNET_CUDA_LIB=FOLDER/libcuda.so.1 controlnet verify tests/Golden --device cuda:0
#
# Needs clang++ 19 or newer, or another C++17 compiler for x86-64 in CXX.
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"
kernels=../../kernels
. ../kernel-targets.sh
cxx=${CXX:-clang++-19}
flags="-std=c++17 -O2 -mf16c -mfma -fPIC -fvisibility=hidden -DCN_EMU -I. -I$kernels -Wall -Wno-unused-function"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

objects=""
number=0
while read -r file defines; do
    case $file in "#"*) continue ;; esac
    module="$file${defines:+ $defines}"
    options=""
    for define in $defines; do options="$options -D$define"; done
    for target in $(targets_of "$file"); do
        for_target="$options -DSM=$(echo "$target" | tr -dc 0-9)"
        number=$((number + 1))
        source="$work/$number.cpp"
        {
            echo '#include "registry.h"'
            echo "#include \"$file.c\""
            $cxx $flags $for_target -x c++ -E -P -DCN_LIST_ENTRIES "$kernels/$file.c" |
                sed -n 's/.*CN_ENTRY \([a-z0-9_]*\);.*/\1/p' |
                while read -r name; do
                    echo "static cn_emulator::Entry entry_$name("
                    echo "    \"$module $target\", \"$name\", cn_emulator::Call<&$name>::run);"
                done
        } > "$source"
        $cxx $flags $for_target -c "$source" -o "$work/$number.o"
        objects="$objects $work/$number.o"
    done
done < "$kernels/modules.txt"

for source in driver streams tensor_maps threads wgmma; do $cxx $flags -c $source.cpp -o "$work/$source.o"; done
# The library is renamed into place: a process that has the old one open keeps it whole.
$cxx -shared -o "$work/libcuda.so.1" "$work/driver.o" "$work/streams.o" "$work/tensor_maps.o" \
    "$work/threads.o" "$work/wgmma.o" $objects -lm -lpthread
mv "$work/libcuda.so.1" "$out/libcuda.so.1"
