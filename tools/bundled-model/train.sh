#!/usr/bin/env bash
# Trains the bundled model from nothing: autoencoder, UNet with text encoder, ControlNets, and the paper's comparisons.
# Every run is resumed where it was stopped, so the script may be stopped and started at any time.
#
#   tools/bundled-model/train.sh WORK-FOLDER [ASSETS-FOLDER]
#
# With the second folder it then lays everything out as assets/ has it.
set -euo pipefail
work=${1:?usage: train.sh WORK-FOLDER}
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$work"
dotnet publish -c Release -v q "$root/tools/ControlNet.Cli" -o "$work/bin"
run() { dotnet "$work/bin/controlnet.dll" "$@"; }

# Scenes of a set are functions of its seed and their index: the small set is the first 6,000 of the large one.
scenes() { # folder count
  [ -e "$1/prompt.json" ] || run dataset shapes --count "$2" --size 128 --seed 11 --out "$1" --overwrite
}

train() { # part model data out options...
  local part=$1 model=$2 data=$3 out=$4; shift 4
  [ -e "$out/final" ] || run train --part "$part" --model "$model" --data "$data" --out "$out" \
    --size 128 --warmup 100 --export-type f16 --resume "$@"
}

[ -e "$work/new" ] || run new-model --template "$root/tools/bundled-model/template" --out "$work/new" --seed 1
scenes "$work/shapes" 20000
scenes "$work/shapes-6000" 6000

train vae "$work/new" "$work/shapes" "$work/vae" --batch 4 --steps 2600 --lr 8e-4 --lr-schedule cosine --ema 0.995 \
  --kl-weight 1e-5 --sample-every 1000

# The noise schedule of the template ends in noise and the UNet predicts velocity. On Stable Diffusion's own schedule the
# mean of these latents shows through all but the last of the noise, so that the text is seldom needed: colours are learnt late.
train unet "$work/vae/final" "$work/shapes" "$work/unet-begun" --batch 16 --steps 9000 --lr 1e-3 --lr-schedule cosine \
  --ema 0.999 --prompt-drop 0.15 --cache-latents --fidelity none --sample-cfg-scale 4 --sample-every 1000
train unet "$work/unet-begun/final" "$work/shapes" "$work/unet" --batch 16 --steps 10000 --lr 1e-3 --lr-schedule cosine \
  --ema 0.999 --prompt-drop 0.15 --cache-latents --fidelity none --sample-cfg-scale 4 --sample-every 1000

# The decoder alone, for sharper pictures of the same latents: what was trained in them keeps its meaning.
train vae "$work/unet/final" "$work/shapes" "$work/decoder" --freeze-encoder --batch 4 --steps 4600 --lr 4e-4 \
  --lr-schedule cosine --ema 0.995 --fidelity mask --sample-every 500 --samples 16

# Scenes of several shapes alone, and these with a fifth of one shape: samples of the large set, in a folder of links.
chosen() { # folder, prompts on standard input
  mkdir -p "$1"
  cat > "$1/prompt.json"
  for pictures in "$work"/shapes/*/; do ln -sfn "../shapes/$(basename "$pictures")" "$1/$(basename "$pictures")"; done
}
several() { grep -m 8000 ' and ' "$work/shapes/prompt.json"; }
single() { grep -m 2000 -v ' and ' "$work/shapes/prompt.json"; }
[ -e "$work/several/prompt.json" ] || several | chosen "$work/several"
[ -e "$work/mixed/prompt.json" ] || { several; single; } | shuf --random-source=<(yes) | chosen "$work/mixed"

control() { # name hint data steps options...
  local name=$1 hint=$2 data=$3 steps=$4; shift 4
  train controlnet "$work/unet/final" "$work/$data" "$work/control-$name" --hint "$hint" --batch 16 --steps "$steps" \
    --lr 1.5e-3 --ema 0.998 --lr-schedule "${rate:-constant}" --sample-every 250 --cache-latents --cache-text --fidelity mask \
    --sample-cfg-scale 4 "$@"
}
on_from() { # another ControlNet, and what control takes
  local start=$1; shift
  control "$@" --control-net "$work/control-$start/final"
}

# Where things are. The comparisons are held against the same number of steps; depth and segmentation are for the curves.
if [ ! -e "$work/edges-2500" ]; then
  control edges-begun edges shapes-6000 2500
  mv "$work/control-edges-begun/final" "$work/edges-2500"
fi
control edges-begun edges shapes-6000 6000
control edges-gaussian edges shapes-6000 2500 --variant gaussian
control edges-lite edges shapes-6000 2500 --variant lite
for hint in depth segmentation; do control "$hint-begun" "$hint" shapes-6000 2500; done

# Which shape has which colour: seen in all but the noisiest pictures, so that only these teach to take it from the prompt.
# The clear ones are forgotten meanwhile, and learnt again.
on_from edges-begun edges-colours edges several 1500 --prompt-drop 0.1 --min-timestep 500
on_from edges-colours edges-bound edges several 3500 --prompt-drop 0.1 --min-timestep 600
on_from edges-bound edges-whole edges mixed 2500 --prompt-drop 0.2
on_from edges-whole edges-guessed edges mixed 1300 --prompt-drop 0.4
rate=cosine on_from edges-guessed edges edges mixed 1200 --prompt-drop 0.4

# Another hint keeps the colours: what binds them lies behind the hint encoder.
on_from edges-bound depth-bound depth mixed 1500 --prompt-drop 0.15 --min-timestep 300
on_from depth-bound depth depth mixed 2000 --prompt-drop 0.25
on_from depth-bound segmentation-bound segmentation mixed 1500 --prompt-drop 0.15 --min-timestep 300
on_from segmentation-bound segmentation-whole segmentation mixed 1800 --prompt-drop 0.25
rate=cosine on_from segmentation-whole segmentation segmentation mixed 1200 --prompt-drop 0.4

assets=${2:-}
if [ -n "$assets" ]; then
  mkdir -p "$assets/controls"
  cp -r "$work/decoder/final" "$assets/model"
  for hint in edges depth segmentation; do cp -r "$work/control-$hint/final" "$assets/controls/$hint"; done
fi
