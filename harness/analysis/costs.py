"""What optimizers cost: seconds a step, beside SGD's; the optimizer's own share; gradients; memory."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.study.result import COMPLETE, GRADIENTS, SPENT

COLUMNS = (
    "workload", "optimizer", "timed_trials", "ms_a_step", "times_sgd", "optimizer_ms_a_step",
    "optimizer_times_sgd",
    "gradients_a_step", "peak_memory_mib",
)  # fmt: skip
SGD = "sgd"


def costs(trials: pd.DataFrame) -> pd.DataFrame:
    """A row a workload and optimizer, medians over its complete trials; empty where none was timed.

    Seconds are those in training steps, evaluations and start-up left out, as the records tell them
    (`SPENT`); ``times_sgd`` (of the whole step) and ``optimizer_times_sgd`` (of the optimizer's own part)
    are empty without SGD beside. Other work on the machine is in them: trials of one sweep compare, those
    of two machines do not.
    """
    complete = trials[trials["status"] == COMPLETE]
    absent = pd.Series(np.nan, index=complete.index)
    step, own, memory = (complete.get(name, absent).astype(float) for name in SPENT)
    steps = complete["steps"].astype(float)
    each = pd.DataFrame(
        {
            "workload": complete["workload"],
            "optimizer": complete["optimizer"],
            "timed_trials": step.notna(),
            "ms_a_step": 1e3 * step / steps,
            "optimizer_ms_a_step": 1e3 * own / steps,
            "gradients_a_step": complete.get(GRADIENTS, absent).astype(float).fillna(steps) / steps,
            "peak_memory_mib": memory / 2**20,
        }
    )
    each = each[each["timed_trials"]]
    if each.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    by_pair = each.groupby(["workload", "optimizer"], sort=False)
    found = by_pair.median(numeric_only=True).assign(timed_trials=by_pair.size()).reset_index()
    sgd = found[found["optimizer"] == SGD].set_index("workload")
    times = {
        f"{part}times_sgd": found[f"{part}ms_a_step"]
        / found["workload"].map(sgd[f"{part}ms_a_step"])
        for part in ("", "optimizer_")
    }
    return found.assign(**times)[list(COLUMNS)]
