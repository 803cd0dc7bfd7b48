#!/usr/bin/env bash
# Submit a sweep as Slurm job arrays, one a study; run again, it submits only what is missing.
#
#   scripts/submit_slurm.sh [--parallel=N] [sbatch options] -- [overrides of harness]
#   scripts/submit_slurm.sh --partition=gpu --gpus=1 --time=4:00:00 -- \
#       -m workload=cifar10_resnet32 optimizer=sgd,momentum,adam num_trials=100 trials_per_task=5
set -eu
python=$(dirname "$0")/../.venv/bin/python
[ -x "$python" ] || python=python3
exec "${PYTHON:-$python}" -m harness submit "$@"
