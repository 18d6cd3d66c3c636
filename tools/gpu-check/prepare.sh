#!/bin/sh
# Makes a folder with all that run.sh needs on a machine with a GPU but without .NET, a network or this repository:
#
#     tools/gpu-check/prepare.sh FOLDER          some 130 MB; carry it over, or FOLDER.tar.gz, as it is
#
# The tool and the benchmarks come with the runtime (linux-x64); golden data and peers are copied. The bundled model is
# left out: what is timed has the sizes of Stable Diffusion 1.5. The archive must fit the 64 MiB of a narrow link.
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
for project in tools/ControlNet.Cli bench/ControlNet.Native.Bench; do
    dotnet publish "$project" -c Release -r linux-x64 --self-contained -p:DebugType=none -o "$out/bin"
done
rm -rf "$out/golden" "$out/peers" "$out/bin/assets"
cp -r tests/Golden "$out/golden"
mkdir "$out/peers"
cp bench/peers/*.py "$out/peers/"
cp tools/gpu-check/*.py tools/gpu-check/run.sh "$out/"
git rev-parse HEAD > "$out/commit"
git diff --quiet HEAD || echo "with changes that are not committed" >> "$out/commit"
tar -C "$(dirname "$out")" -cf - "$(basename "$out")" | gzip -9 > "$out.tar.gz"
packed=$(wc -c < "$out.tar.gz")
echo "$out: $(du -sh "$out" | cut -f1), $((packed >> 20)) MiB packed; run $out/run.sh there"
[ "$packed" -le $((64 << 20)) ] || { echo "$out.tar.gz does not fit 64 MiB"; exit 1; }
