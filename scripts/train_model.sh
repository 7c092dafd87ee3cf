#!/bin/sh
# Trains the verifier in an environment of its own: its tools stay out of Rasid's.
set -eu
cd "$(dirname "$0")/.."

[ -d ../shared/corpus ] || { echo "rasid: ../shared/corpus is missing; the committed model stays." >&2; exit 1; }
work=.rasid/model
mkdir -p "$work"
[ -x "$work/venv/bin/python" ] || .venv/bin/uv venv -q -p .venv/bin/python "$work/venv"
.venv/bin/uv pip install -q -p "$work/venv" --no-deps -r requirements.txt -r requirements-model.txt
# One thread, so that sums come out the same on every machine with this processor's instructions.
OPENBLAS_NUM_THREADS=1 PYTHONPATH=include nice -n 15 "$work/venv/bin/python" scripts/train_verifier.py --shared ../shared --out include/models
