"""Is it the optimizer, or its search space? Each space beside the field's, before any verdict.

A tuned optimizer that loses may have lost to its own space. Per optimizer: the share of trials that
learned nothing, the best of 1 and of 4 trials beside the field's best, how the space was found, and
what it lacks of the spaces of optimizers that it includes.

A space is *poor* where its best of 4 is `POOR_RATIO` times the field's best or more, or where
`POOR_SHARE` or more of its trials (ten at least) are no better than chance: a verdict on its optimizer is then a verdict
on the space as well. It says nothing of an optimizer that is worse on any space; a larger budget, or
`harness stages` for all of the field, tells the two apart.

No better than chance are diverged trials and, where the errors are error rates, those within
`NEAR_CHANCE` of the workload's chance level: the middle of the plateau that trials of all optimizers
form in the upper half of the field's range, at 1/2 or above. Where trials of no optimizer reach it, none
is there.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.analysis import best_of_k
from harness.analysis.counting import centre, counted, finished, marked, values
from harness.analysis.names import name, number
from harness.analysis.pooling import Group, Studies, groups
from harness.analysis.spaces import space_of
from harness.errors import ConfigError
from harness.study.inclusions import EDGES, gaps
from harness.study.result import COMPLETE
from harness.study.space import Space, parse

Array = NDArray[np.float64]

POOR_RATIO, POOR_SHARE = 2.0, 0.4
LEAST_TRIALS = 10  # of fewer nothing is called poor
NEAR_CHANCE = 0.02  # of the level
LEAST_CHANCE = 0.5  # two classes
FEW, SOME = 1, 4
CONFIG_DIR = "--config-dir"
BUNDLED = "conf*"  # of `harness bundle`: conf, conf_2, …
COLUMNS = (
    "workload", "optimizer", "trials", "chance_share", "best_of_1", "best_of_4", "field_best_of_1",
    "field_best_of_4", "ratio", "found_by", "lacks", "poor", "why",
)  # fmt: skip

STAGES, FIRST_STAGE, REFINED = "both stages", "first stage", "refined"
CHOSEN, BY_HAND = "chosen by hand", "by hand"
FOUND_BY = (
    (r"(chosen|narrowed) by hand", CHOSEN),  # from what a tool printed, too
    (r"harness stages, first stage", FIRST_STAGE),
    (r"harness stages", STAGES),
    (r"[Nn]o run of this project has narrowed|broad first-stage", BY_HAND),
    (r"harness refine", REFINED),
)
TOLD = {
    STAGES: "both stages", FIRST_STAGE: "a first stage's, broad on purpose",
    REFINED: "narrowed by harness refine", CHOSEN: "narrowed by hand", BY_HAND: "narrowed by no run",
    "": "not known",
}  # fmt: skip


def space_check(
    trials: pd.DataFrame,
    studies: Studies | None = None,
    *,
    metric: str = "val_error",
    sources: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """One row per workload and optimizer that has counted trials.

    Args:
        trials: a checked table, one study per workload and optimizer.
        studies: the resolved studies, for what a space lacks.
        metric: an error; of any other the validation error stands in.
        sources: how each study's space was found, by fingerprint: see `sources_of`.

    ``best_of_4`` and the field's are means over searches of that many trials (medians where every
    trial counts); ``why`` says in words what makes a space poor.
    """
    known = studies or {}
    metric = metric if metric.endswith("_error") else "val_error"
    rows = []
    for workload, part in trials.groupby("workload", sort=False):
        level = chance_level(part, metric)
        found = [group for group in groups(part) if len(counted(group.trials))]
        spaces = {
            group.optimizer: space_of(group.trials, known)
            for group in found
            if _is_the_papers(group, known)
        }
        own = [
            {
                "workload": workload,
                "optimizer": group.optimizer,
                "trials": len(finished(group.trials)),
                "chance_share": _chance_share(group.trials, metric, level),
                **_bests(group.trials, metric, centre(trials)),
                "found_by": _found_by(group.trials, sources or {}),
                "lacks": _lacks(group.optimizer, spaces),
            }
            for group in found
        ]
        rows += [_judged(row, own) for row in own]
    return marked(pd.DataFrame(rows, columns=list(COLUMNS)), trials)


def chance_level(trials: pd.DataFrame, metric: str = "val_error") -> float:
    """The error of a model that learned nothing, as one workload's trials show it; NaN if they don't."""
    if "metric" in trials and not trials["metric"].dropna().eq("error rate").all():
        return np.nan
    errors = values(trials[trials["status"] == COMPLETE], metric)
    if not len(errors):
        return np.nan
    upper = errors[errors >= max(LEAST_CHANCE, (errors.min() + errors.max()) / 2)]
    return float(np.median(upper)) if len(upper) and upper.max() <= 1 else np.nan


def _chance_share(rows: pd.DataFrame, metric: str, level: float) -> float:
    ended = finished(rows)
    errors = values(ended, metric)  # infinite in diverged trials
    at_chance = np.isinf(errors) | (errors >= (1 - NEAR_CHANCE) * level)
    return float(at_chance.mean())


def _bests(rows: pd.DataFrame, metric: str, middle: str) -> dict[str, float]:
    errors = values(counted(rows), metric)
    budgets = [min(k, len(errors)) for k in (FEW, SOME)]
    few, some = getattr(best_of_k.without_replacement(errors, budgets), middle)
    return {"best_of_1": few, "best_of_4": some}


def _is_the_papers(group: Group, studies: Studies) -> bool:
    """Whether these trials ran the rule of that name, of which the inclusions speak."""
    ran = [studies[name] for name in group.trials["study"].unique() if name in studies]
    rules = [study.config.get("optimizer", {}).get("rule") for study in ran]
    return all(rule in (None, group.optimizer) for rule in rules)


def _lacks(optimizer: str, spaces: Mapping[str, Space]) -> str:
    """What the spaces of included optimizers have and this one's has not."""
    lines = [
        f"of {name(edge.special)}'s image: {gap}"
        for edge in EDGES
        if edge.general == optimizer and spaces.get(edge.special) and spaces.get(optimizer)
        for gap in gaps(edge, spaces[edge.special], spaces[optimizer])
    ]
    return "; ".join(lines)


def _judged(row: dict[str, object], field: Iterable[dict[str, object]]) -> dict[str, object]:
    ones, fours = ([float(str(each[f"best_of_{k}"])) for each in field] for k in (FEW, SOME))
    mine, best = float(str(row["best_of_4"])), min(fours)
    ratio = 1.0 if mine == best else mine / best if best > 0 else np.inf
    share = float(str(row["chance_share"]))
    why: list[str] = []
    few = int(str(row["trials"])) < LEAST_TRIALS
    if not few and ratio >= POOR_RATIO:
        times = f"{ratio:.1f} times" if np.isfinite(ratio) else "beside"
        why.append(f"its best of {SOME} is {number(mine)}, {times} the field's {number(best)}")
    if not few and share >= POOR_SHARE:
        why.append(f"{share:.0%} of its {row['trials']} trials are no better than chance")
    return row | {
        "field_best_of_1": min(ones),
        "field_best_of_4": best,
        "ratio": ratio,
        "poor": bool(why),
        "why": " and ".join(why),
    }


# --- how a space was found --------------------------------------------------------------------


def sources_of(
    studies: Studies, folders: Iterable[Path], roots: Iterable[Path | str] = ()
) -> dict[str, str]:
    """What the file of each study's space says of where its ranges come from, by fingerprint.

    Args:
        folders: with the layout of conf/, such as the shipped one and a user's own, the first first. A
            file is a study's where the study has all of its axes as they stand there.
        roots: the results, from which a study's own --config-dir is looked for before them; never from
            the current directory, so that the answer is the same from everywhere.
    """
    shared, above = list(folders), _above(roots)
    axes = functools.cache(_axes)  # milliseconds a file, which many studies ask for
    found: dict[str, str] = {}
    for fingerprint, study in studies.items():
        for folder in (*_config_dirs(study.overrides, above), *shared):
            files = (folder / "search_space").rglob(f"{study.optimizer}.yaml")
            own_first = sorted(files, key=lambda path: (study.workload not in path.parts, path))
            path = next((path for path in own_first if _is_of(axes(path), study.space)), None)
            if path is not None:
                found[fingerprint] = _head(path)
                break
    return found


def _above(roots: Iterable[Path | str]) -> list[Path]:
    """The results and all folders that they lie in, the nearest first."""
    found = [Path(root).resolve() for root in roots]
    return list(dict.fromkeys(path for root in found for path in (root, *root.parents)))


def _config_dirs(words: Sequence[str], above: Sequence[Path]) -> list[Path]:
    """Where the folders that a command names by --config-dir may lie: relative to one above the results,
    as in the project that it was typed in, or under the name that a bundle gives it there."""
    named = [word.partition("=")[2] for word in words if word.startswith(f"{CONFIG_DIR}=")]
    behind = [b for a, b in itertools.pairwise(words) if a == CONFIG_DIR]
    folders = [Path(folder) for folder in (*named, *behind)]
    relative = [path / folder for folder in folders for path in above if not folder.is_absolute()]
    bundled = [each for path in above if folders for each in sorted(path.glob(BUNDLED))]
    return [*(folder for folder in folders if folder.is_absolute()), *relative, *bundled]


def _axes(path: Path) -> Space | None:
    """The search space in a file, None where it holds none."""
    import yaml

    try:
        return parse(_flat(yaml.safe_load(path.read_text(encoding="utf-8")) or {}))
    except (ConfigError, yaml.YAMLError, OSError, UnicodeDecodeError):
        return None  # what is wrong with it is said where it is used


def _is_of(axes: Space | None, space: Space) -> bool:
    return axes is not None and all(
        name in space and space[name].node == axis.node for name, axis in axes.items()
    )


def _flat(node: Mapping[str, object]) -> dict[str, object]:
    """Axes by their names, those of a parameter group too."""
    flat: dict[str, object] = {}
    for key, value in node.items():
        inside = isinstance(value, Mapping) and any(isinstance(v, Mapping) for v in value.values())
        if inside and isinstance(value, Mapping):
            flat |= {f"{key}.{name}": axis for name, axis in value.items()}
        else:
            flat[key] = value
    return flat


def _head(path: Path) -> str:
    """The comments that a file begins with, as one line."""
    lines = re.match(r"(?:#.*\n)*", path.read_text(encoding="utf-8"))
    return (
        " ".join(line.removeprefix("#").strip() for line in lines[0].splitlines()) if lines else ""
    )


def _found_by(rows: pd.DataFrame, sources: Mapping[str, str]) -> str:
    texts = [sources.get(study, "") for study in rows["study"].unique()]
    text = texts[0] if texts else ""
    return next((kind for pattern, kind in FOUND_BY if re.search(pattern, text)), "")
