"""The effective learning rate of every trial of a table, by running its optimizer's rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from harness.analysis.reading import Results
from harness.errors import ConfigError
from harness.running.saying import tell
from harness.study.parametrisation import EFFECTIVE_LR, hyperparameters
from harness.study.study import Study


def with_effective_rates(
    found: Results, folders: Iterable[Path], scale: float | None = None
) -> pd.DataFrame:
    """The trials with the column ``effective_lr``, and lr itself; empty where a study doesn't tell.

    Args:
        folders: with the layout of conf/, for the ``gradient_scale`` of workloads whose studies have
            none.
        scale: s instead, of all studies.
    """
    trials = found.trials.reset_index(drop=True)
    parts = []
    for name, rows in trials.groupby("study", sort=False):
        study = found.studies.get(str(name))
        if study is not None:
            parts.append(_rates(study, rows, folders, scale))
    empty = pd.DataFrame(columns=["lr", EFFECTIVE_LR, "gradient_scale"], dtype=float)
    return trials.join(pd.concat(parts) if parts else empty)


def _rates(
    study: Study, rows: pd.DataFrame, folders: Iterable[Path], scale: float | None
) -> pd.DataFrame:
    from harness.running.trial import load_task
    from harness.training.effective_rate import in_learning_rates, unit_rates

    config: dict[str, Any] = {
        "schedule": {"name": "linear"},
        **study.config,
    }  # before there were several
    s = scale or config.get("gradient_scale") or _scale(config, folders)
    points = [
        {name: float(row[f"hp.{name}"]) for name in study.space} for row in rows.to_dict("records")
    ]

    def model() -> Any:
        return load_task(study, "cpu").model()

    try:
        if s is None:
            raise ConfigError("no workload.gradient_scale")
        in_lr = [in_learning_rates(config, point, model) for point in points]
        lr = pd.Series([hyperparameters(point)["lr"] for point in in_lr], rows.index)
        units = pd.Series(unit_rates(config, in_lr, s, model), rows.index)
    except (
        ConfigError,
        KeyError,
        ValueError,
    ) as error:  # no lr, several groups, no step to tell it by
        tell(f"{study.name}: its effective learning rates cannot be told ({error})")
        lr = units = pd.Series(float("nan"), rows.index)
    return pd.DataFrame({"lr": lr, EFFECTIVE_LR: lr * units, "gradient_scale": s})


def _scale(config: Mapping[str, Any], folders: Iterable[Path]) -> float | None:
    """That of the first workload file of the same module."""
    import yaml

    module = config["workload"].get("module")
    if module is None:
        return None
    for folder in folders:
        for path in sorted((folder / "workload").glob("*.yaml")):
            workload = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("workload", {})
            if workload.get("module") == module:
                found = workload.get("gradient_scale")
                return None if found is None else float(found)
    return None
