"""What tuning buys: an optimizer's default setting, one carried over from another workload, and the tuned one.

Each setting is trained on the same fresh seeds, so that two of them are compared seed by seed. A tuned
setting's errors on fresh seeds are unbiased, as it was selected on others (`confirming`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from harness.analysis.confirming import ERRORS, LEVEL, sample
from harness.analysis.names import name, number
from harness.analysis.pooling import groups
from harness.study.result import COMPLETE

DEFAULT, CARRIED, TUNED = "default", "carried over", "tuned"
SETTINGS = (DEFAULT, CARRIED, TUNED)


def untuned(trials: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A row a workload, optimizer and setting.

    Args:
        trials: checked tables by setting, a trial a seed; the same trial index is the same seed in all.

    Returns:
        Columns workload, optimizer, setting, seeds (complete), diverged; ``val_mean, val_sd, val_low,
        val_high`` and the same of test: over seeds, the 95 % t interval of the mean; and ``worse, worse_low,
        worse_high``: by how much its test error is above the tuned setting's, seed by seed, with its 95 %
        t interval. Empty where fewer than two seeds are complete in both.
    """
    tuned = {(g.workload, g.optimizer): _complete(g.trials) for g in groups(trials[TUNED])}
    rows = []
    for setting in SETTINGS:
        for group in groups(trials[setting]) if setting in trials else ():
            pair = group.workload, group.optimizer
            complete = _complete(group.trials)
            row = {
                "workload": group.workload, "optimizer": group.optimizer, "setting": setting,
                "seeds": len(complete), "diverged": len(group.trials) - len(complete),
            }  # fmt: skip
            for part, column in ERRORS.items():
                found = sample(complete[column])
                row |= {f"{part}_{key}": value for key, value in found.items()}
            if setting != TUNED and pair in tuned:
                worse = sample((complete["test_error"] - tuned[pair]["test_error"]).dropna())
                row |= {
                    "worse": worse["mean"],
                    "worse_low": worse["low"],
                    "worse_high": worse["high"],
                }
            rows.append(row)
    frame = pd.DataFrame(rows)
    return frame.reindex(columns=[*frame.columns.drop(list(WORSE), errors="ignore"), *WORSE])


WORSE = ("worse", "worse_low", "worse_high")


def _complete(trials: pd.DataFrame) -> pd.DataFrame:
    return trials[trials["status"] == COMPLETE].set_index("trial")


def sentences(table: pd.DataFrame) -> Iterator[str]:
    """A line a workload and optimizer.

    >>> rows = [{"workload": "w", "optimizer": "adam", "setting": "default", "seeds": 10, "diverged": 0,
    ...          "test_mean": 0.3, "worse": 0.1, "worse_low": 0.08, "worse_high": 0.12},
    ...         {"workload": "w", "optimizer": "adam", "setting": "tuned", "seeds": 9, "diverged": 1,
    ...          "test_mean": 0.2, "worse": np.nan, "worse_low": np.nan, "worse_high": np.nan}]
    >>> print(*sentences(pd.DataFrame(rows)))
    w, Adam: test error .3000 by default (.0800 to .1200 more than tuned), .2000 tuned (1 of 10 diverged)
    """
    for (workload, optimizer), own in table.groupby(["workload", "optimizer"], sort=False):
        parts = []
        for row in own.to_dict("records"):
            words = f"{number(row['test_mean'])} {'by ' if row['setting'] == DEFAULT else ''}{row['setting']}"
            further = []
            if np.isfinite(row["worse_low"]):
                further.append(
                    f"{number(row['worse_low'])} to {number(row['worse_high'])} more than tuned"
                )
            if row["diverged"]:
                further.append(f"{row['diverged']} of {row['seeds'] + row['diverged']} diverged")
            parts.append(words + (f" ({'; '.join(further)})" if further else ""))
        yield f"{workload}, {name(optimizer)}: test error {', '.join(parts)}"


CAPTION = (
    f"Mean test error over seeds and its {LEVEL:.0%} interval. Default: as the library sets it, the learning rate"
    " constant. Carried over: as tuned on another workload. Tuned: the selected trial's setting. The same fresh"
    " seeds for all; hollow where some of them diverged, and of the others alone."
)
