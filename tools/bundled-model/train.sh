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
common=(--size 128 --warmup 100 --export-type f16 --keep 2 --resume)

[ -e "$work/new" ] || run new-model --template "$root/tools/bundled-model/template" --out "$work/new" --seed 1
[ -e "$work/shapes/prompt.json" ] ||
  run dataset shapes --count 20000 --size 128 --seed 11 --out "$work/shapes" --overwrite

train() { # part model out options...
  local part=$1 model=$2 out=$3; shift 3
  [ -e "$out/final" ] || run train --part "$part" --model "$model" --data "$work/shapes" --out "$out" "${common[@]}" "$@"
}

train vae "$work/new" "$work/vae" --batch 4 --steps 12000 --lr 1e-3 --ema 0.998 --kl-weight 1e-5 --save-every 500 \
  --lr-schedule cosine --sample-every 1000
# Predicting noise teaches forms. Colours it hardly teaches: the mean of the latents shows through all but the last of the
# noise, so that the text is seldom needed. Predicting the velocity weighs those last timesteps as much as the others.
unet=(--batch 16 --ema 0.999 --lr-schedule cosine --cache-latents --fidelity none --sample-cfg-scale 4
  --sample-every 1000)
train unet "$work/vae/final" "$work/unet-1" --steps 10000 --lr 1e-3 "${unet[@]}"
train unet "$work/unet-1/final" "$work/unet-2" --steps 7000 --lr 1e-3 --prediction v "${unet[@]}"
train unet "$work/unet-2/final" "$work/unet-3" --steps 6000 --lr 7e-4 "${unet[@]}"
train unet "$work/unet-3/final" "$work/unet" --steps 20000 --lr 1e-3 "${unet[@]}"
base=$work/unet/final
control() { # name hint options...
  local name=$1 hint=$2; shift 2
  train controlnet "$base" "$work/control-$name" --hint "$hint" --batch 16 --steps 3000 --lr 1.5e-3 --ema 0.998 \
    --lr-schedule constant --sample-every 250 --cache-latents --cache-text --fidelity mask --sample-cfg-scale 4 "$@"
}
for hint in edges depth segmentation; do control "$hint" "$hint"; done
control edges-gaussian edges --variant gaussian
control edges-lite edges --variant lite

assets=${2:-}
if [ -n "$assets" ]; then
  mkdir -p "$assets/controls" "$assets/ablations"
  cp -r "$base" "$assets/model"
  for hint in edges depth segmentation; do cp -r "$work/control-$hint/final" "$assets/controls/$hint"; done
  for way in gaussian lite; do cp -r "$work/control-edges-$way/final" "$assets/ablations/edges-$way"; done
fi
