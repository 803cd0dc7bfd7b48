#!/usr/bin/env bash
# One task of a sweep's job array; scripts/submit_slurm.sh submits it.
# Arguments: the Python to use, offset, trials per task, first and last trial of the sweep, overrides.
# With 0 trials per task the overrides say which trials: of a pruned sweep, whatever goes on.
set -eu
python=$1 offset=$2 per_task=$3 low=$4 high=$5
shift 5
if [ "$per_task" -eq 0 ]; then
    exec "$python" -m harness "$@"
fi
first=$(( (offset + SLURM_ARRAY_TASK_ID) * per_task ))
last=$(( first + per_task - 1 ))
first=$(( first < low ? low : first ))
last=$(( last > high ? high : last ))
# exec: Slurm signals this shell alone (--signal=B:...). A Python beside it would never hear that its
# time is up, and would be orphaned.
exec "$python" -m harness "$@" "trial=$first-$last"
