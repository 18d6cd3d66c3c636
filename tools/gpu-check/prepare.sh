#!/bin/sh
# Makes a folder with all that run.sh needs on a machine with a GPU but without .NET, a network or this repository:
#
#     tools/gpu-check/prepare.sh FOLDER          some 300 MB; carry it over as it is
#
# The tool and the benchmarks come with the runtime (linux-x64); golden data and peers are copied.
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
for project in tools/ControlNet.Cli bench/ControlNet.Native.Bench; do
    dotnet publish "$project" -c Release -r linux-x64 --self-contained -p:DebugType=none -o "$out/bin"
done
rm -rf "$out/golden" "$out/peers"
cp -r tests/Golden "$out/golden"
mkdir "$out/peers"
cp bench/peers/*.py "$out/peers/"
cp tools/gpu-check/*.py tools/gpu-check/run.sh "$out/"
git rev-parse HEAD > "$out/commit"
git diff --quiet HEAD || echo "with changes that are not committed" >> "$out/commit"
echo "$out: $(du -sh "$out" | cut -f1); run $out/run.sh there"
