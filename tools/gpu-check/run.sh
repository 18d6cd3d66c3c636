#!/bin/sh
# Holds this build against golden data and PyTorch on the GPU of this machine, and writes one Markdown report:
#
#     ./run.sh [--out report.md] [--quick] [--minutes 60] [--device cuda:0] [--models FOLDER]
#
# in the folder that prepare.sh made. Needs Python 3.8; with PyTorch 2 it is timed as a peer, without it ours alone.
# What fails is a row of the report, which is written anew after every part: a run that is cut short has one too.
# --quick leaves the networks out and takes one round. --models keeps the 8.6 GB of random checkpoints for another run.
here=$(cd "$(dirname "$0")" && pwd)
for python in "${PYTHON:-python3}" /usr/bin/python3; do
    "$python" -c "import torch" 2> /dev/null && exec "$python" "$here/gpu_check.py" "$@"
done
for python in "${PYTHON:-python3}" /usr/bin/python3; do
    command -v "$python" > /dev/null && exec "$python" "$here/gpu_check.py" "$@"
done
echo "there is no python3; name one in PYTHON"
exit 2
