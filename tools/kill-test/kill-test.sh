#!/usr/bin/env bash
# Kills a small training run at random moments (kill -9), resumes it after each, and compares what it ends with, byte
# for byte, to a run that was never stopped: weights, moments, averages, export, and metrics but for their timings.
#
#   tools/kill-test/kill-test.sh [KILLS] [SEED]      50 kills by default; build tools/ControlNet.Cli in Release first
#
# A run that reaches its end before it was killed often enough is compared, and another one begins.
set -euo pipefail

kills=${1:-50}
seed=${2:-1}
root=$(cd "$(dirname "$0")/../.." && pwd)
tool="$root/tools/ControlNet.Cli/bin/Release/net10.0/controlnet.dll"
model="$root/tests/Golden/models/sd1-tiny"
steps=60
[[ -f $tool ]] || { echo "build first: dotnet build -c Release tools/ControlNet.Cli" >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
RANDOM=$seed

dotnet "$tool" dataset shapes --count 12 --size 32 --seed 1 --out "$work/set" >/dev/null

train() {
    exec dotnet "$tool" train --model "$model" --data "$work/set" --hint edges --out "$1" --resume --size 32 \
        --steps $steps --batch 2 --accumulate 2 --lr 1e-3 --lr-schedule cosine --warmup 3 --ema 0.9 \
        --save-every 2 --sample-every 20 --samples 1 --sample-steps 2 --threads 2 >"$work/log" 2>&1
}

# The line of a step without its timing.
plain() { sed 's/"images_per_second":[^,}]*//' "$1/metrics.jsonl"; }

compare() {
    local last file
    last=checkpoints/$(printf 'step-%08d' $steps)
    for file in "$last/weights" "$last/means" "$last/squares" "$last/averages" final/diffusion_pytorch_model; do
        cmp "$work/whole/$file.safetensors" "$1/$file.safetensors" || return 1
    done
    diff <(plain "$work/whole") <(plain "$1") >/dev/null || { echo "$1: other metrics" >&2; return 1; }
}

begin=$(date +%s%N)
(train "$work/whole") || { cat "$work/log" >&2; exit 1; }
whole_ms=$((($(date +%s%N) - begin) / 1000000))
echo "a run of $steps steps that nothing stops: $whole_ms ms"

# The newest checkpoint's step; nothing before the first.
newest() { ls "$1/checkpoints" 2>/dev/null | grep -x 'step-[0-9]*' | tail -1 || true; }

killed=0 saving=0 whole_runs=0 run="$work/run-0" range_ms=$((whole_ms / 4 + 500))
while ((killed < kills)) || [[ -d $run ]]; do
    (train "$run") &
    life=$!
    if ((killed < kills)); then
        # Anywhere from the start of the process to past its first saves.
        before=$(newest "$run") moment_ms=$((RANDOM % range_ms))
        sleep "$(printf '%d.%03d' $((moment_ms / 1000)) $((moment_ms % 1000)))"
        if kill -9 $life 2>/dev/null; then
            wait $life 2>/dev/null || true
            killed=$((killed + 1))
            [[ $(newest "$run") == "$before" ]] || saving=$((saving + 1))
            continue
        fi
    fi

    wait $life || { echo "after $killed kills a resume failed:" >&2; cat "$work/log" >&2; exit 1; }
    compare "$run" || { echo "after $killed kills the run ended otherwise" >&2; exit 1; }
    whole_runs=$((whole_runs + 1))
    rm -rf "$run"
    run="$work/run-$whole_runs"
done

echo "$killed kills, $saving of them after a save of that life, over $whole_runs runs: every run ended with the bits of the one that nothing stopped"
