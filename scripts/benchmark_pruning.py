"""What does pruning cost and gain, at equal training? Measured on the committed tables, nothing trained.

The trials of a committed study stand for a population. From it searches are drawn: 64 trials trained
whole, and cohorts of 32 pruned at rungs, as many as cost the same steps. Both estimate the best of 16
(mean and median over searches); their squared errors against the population's own value, bias
included, give

    error    the squared error of pruned searches over that of full ones, at equal steps
    steps    the share of the steps at which pruned searches have the error of full ones

Rungs were chosen on the digits and CIFAR-10; War and Peace was held out, and is reported last. `auto`
chooses a study's rungs on its first 64 trials, as `pruning=auto` does.

    python scripts/benchmark_pruning.py [--tables 4000] [--out results/pruning]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.figures import pruning as figure
from harness.figures import style
from harness.study.pruning import Pruning
from harness.study.rung_choice import (
    CANDIDATES,
    METRICS,
    Auto,
    Curves,
    choose,
    curves_of,
    estimate,
    estimates,
    passing_all,
)

TABLES = ("digits", "digits_broad", "cifar10", "war_and_peace", "search_space_decides")
HELD_OUT = "war_and_peace_lstm"
FULL, BUDGET, COHORT = 64, 16, 32
COHORTS = (1, 2, 3, 4, 5, 6, 8, 10)
LEAST_TRIALS, LEAST_EVALUATIONS = 32, 5
BASE = Pruning((0.2, 0.4), (0.5, 0.5))
TARGET, WORST = 0.57, 1.1
STATISTICS = ("mean", "median")


class Pair(NamedTuple):
    """One optimizer on one workload: its committed trials as a population."""

    name: str
    held_out: bool
    workload: Mapping[str, Any]
    curves: Curves


def pairs(folder: Path) -> Iterator[Pair]:
    """Every study with enough trials and evaluations, once."""
    seen: set[str] = set()
    for table in TABLES:
        if not (folder / table / "curves.parquet").exists():
            continue
        trials = pd.read_csv(folder / table / "trials.csv", dtype={"study": str}, low_memory=False)
        curves = pd.read_parquet(folder / table / "curves.parquet")
        settings = json.loads((folder / table / "studies.json").read_text(encoding="utf-8"))
        for study, rows in trials.groupby("study", sort=False):
            own = curves[curves["study"] == study]
            few = len(rows) < LEAST_TRIALS or own["step"].nunique() < LEAST_EVALUATIONS
            if study in seen or few:
                continue
            seen.add(str(study))
            workload = settings[study]["workload"]
            yield Pair(
                f"{table}/{rows['optimizer'].iloc[0]}"
                + (f"/{study}" if "decides" in table else ""),
                workload["name"] == HELD_OUT,
                workload,
                _curves(rows.sort_values("trial"), own, workload["steps"]),
            )


def _curves(rows: pd.DataFrame, curves: pd.DataFrame, steps: int) -> Curves:
    by_trial = dict(iter(curves.groupby("trial")))
    empty = curves[:0]
    evaluations = [
        {name: by_trial.get(trial, empty)[name].tolist() for name in ("step", *METRICS)}
        for trial in rows["trial"]
    ]
    complete = rows["status"] == "complete"
    final = [
        error if whole else None for error, whole in zip(rows["val_error"], complete, strict=True)
    ]
    return curves_of(evaluations, final, rows["steps"].tolist(), steps)


# --- searches -----------------------------------------------------------------------------------


def best_of(errors: np.ndarray) -> dict[str, np.ndarray]:
    """Mean and median of the best of 16 by each of many tables ``[tables, trials]``.

    The mean is over searches that select a trial that was seen (`analysis.censored`).
    """
    ranked = np.sort(errors, axis=1)
    count = ranked.shape[1]
    above = ((count - np.arange(count + 1)) / count) ** BUDGET
    weights = np.where(np.isfinite(ranked), above[:-1] - above[1:], 0.0)
    with np.errstate(invalid="ignore"):
        mean = np.where(weights > 0, weights * ranked, 0.0).sum(axis=1) / weights.sum(axis=1)
    at = int(np.argmax(1 - above[1:] >= 0.5 - 1e-12))
    return {"mean": mean, "median": ranked[:, at]}


def compare(pair: Pair, pruning: Pruning, tables: int) -> dict[str, float]:
    """The columns cost, and error and steps of either statistic."""
    curves, workload = pair.curves, pair.workload
    truth = best_of(curves.final[None])
    rng = np.random.default_rng(0)
    population = len(curves.final)
    whole = best_of(curves.final[rng.integers(population, size=(tables, FULL))])
    budget = FULL * curves.trained.mean()
    ranks = [_ranks(curves, step, pruning.metric) for step in pruning.steps(workload)]
    last = np.array([*pruning.steps(workload), workload["steps"]]) / workload["steps"]
    costs: list[float] = []
    squared: dict[str, list[float]] = {name: [] for name in STATISTICS}
    for cohorts in COHORTS:
        drawn = rng.integers(population, size=(tables * cohorts, pruning.cohort))
        alive = passing_all(np.stack([rank[drawn] for rank in ranks], axis=-1), pruning.keep)
        took = np.minimum(last[alive.sum(axis=-1)], curves.trained[drawn])
        costs.append(float(took.sum()) / tables / budget)
        errors = np.where(alive.all(axis=-1), curves.final[drawn], np.inf)
        for name, found in best_of(errors.reshape(tables, -1)).items():
            squared[name].append(float(np.mean((found - truth[name]) ** 2)))
    row = {"cost": costs[3] / (COHORTS[3] * pruning.cohort / FULL)}
    for name in STATISTICS:
        full = float(np.mean((whole[name] - truth[name]) ** 2))
        row[f"{name}_error"] = _at(costs, squared[name], 1.0) / full
        row[f"{name}_steps"] = _reaching(costs, squared[name], full)
    return row


def _at(costs: Sequence[float], squared: Sequence[float], cost: float) -> float:
    """The squared error at a cost, between those simulated on log axes."""
    return float(
        np.exp(np.interp(np.log(cost), np.log(costs), np.log(np.maximum(squared, 1e-300))))
    )


def _reaching(costs: Sequence[float], squared: Sequence[float], error: float) -> float:
    """The cost at which an error is reached; infinite where it is not with ten cohorts."""
    falling = np.minimum.accumulate(np.maximum(squared, 1e-300))
    if falling[-1] > error:
        return float("inf")
    if falling[0] <= error:  # one cohort does; its error falls as one over its cost
        return float(costs[0] * falling[0] / error)
    return float(np.exp(np.interp(-np.log(error), -np.log(falling), np.log(costs))))


def _ranks(curves: Curves, step: int, metric: str) -> np.ndarray:
    at = int(np.flatnonzero(curves.steps == step)[0])
    order = np.lexsort((curves.columns["val_loss"][:, at], curves.columns[metric][:, at]))
    ranks = np.empty(len(order))
    ranks[order] = np.arange(len(order))
    return ranks


# --- prunings compared ----------------------------------------------------------------------------


def fixed(pair: Pair) -> Iterator[tuple[str, Pruning]]:
    """Every candidate of `auto`, and the default with other cohorts."""
    rungs = [*CANDIDATES, ((0.2, 0.4, 0.6), (0.5, 0.5, 0.5)), ((0.2, 0.4), (0.5, 0.25))]
    for shares, keep in rungs:
        for metric in METRICS:
            yield f"{_told(shares, keep)} {metric}", Pruning(shares, keep, COHORT, metric=metric)
    for cohort in (16, 64):
        yield (
            f"{_told(BASE.rungs, BASE.keep)} val_error cohorts of {cohort}",
            Pruning(BASE.rungs, BASE.keep, cohort),
        )


def _told(rungs: Sequence[float], keep: Sequence[float]) -> str:
    return " ".join(f"{share:g}@{rung:g}" for rung, share in zip(rungs, keep, strict=True))


def automatic(pair: Pair) -> dict[str, Any]:
    """What `pruning=auto` chooses on the first 64 trials, and what it knows of it."""
    curves = pair.curves
    first = Curves(
        curves.steps,
        {name: column[:FULL] for name, column in curves.columns.items()},
        curves.final[:FULL],
        curves.trained[:FULL],
    )
    auto = Auto()
    known = estimates(first, auto, pair.workload, 0)
    best = choose(known, auto.lost)
    if best is None:
        return {"pruning": None, "lost_expected": 0.0, "chosen": "none"}
    told = next(each for each in known if each.pruning == best)
    return {
        "pruning": best,
        "lost_expected": told.lost,
        "rank_correlations": " ".join(f"{value:.2f}" for value in told.correlations),
        "chosen": f"{_told(best.rungs, best.keep)} {best.metric}",
    }


def measure(folder: Path, tables: int) -> pd.DataFrame:
    """A row a pair and pruning."""
    rows: list[dict[str, Any]] = []
    nothing = {"cost": 1.0} | {
        f"{s}_{what}": 1.0 for s in STATISTICS for what in ("error", "steps")
    }
    for pair in pairs(folder):
        known = {"pair": pair.name, "held_out": pair.held_out, "trials": len(pair.curves.final)}
        for name, pruning in fixed(pair):
            try:
                pruning.steps(pair.workload)
            except ValueError:
                continue
            lost = estimate(pair.curves, pruning, pair.workload, BUDGET, 0).lost
            rows.append(known | {"policy": name, "lost": lost} | compare(pair, pruning, tables))
        choice = automatic(pair)
        best = choice.pop("pruning")
        row = known | {"policy": "auto", "lost": 0.0} | choice | nothing
        if best is not None:
            row["lost"] = estimate(pair.curves, best, pair.workload, BUDGET, 0).lost
            row |= compare(pair, best, tables)
        rows.append(row)
        print(f"{pair.name}: {choice['chosen']}, cost {row['cost']:.2f}", flush=True)
    return pd.DataFrame(rows)


# --- words ----------------------------------------------------------------------------------------


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a policy that all pairs have: its cost, and over pairs median, ninetieth and worst."""
    columns = [f"{s}_{what}" for s in STATISTICS for what in ("error", "steps")]
    everywhere = frame.groupby("policy")["pair"].nunique() == frame["pair"].nunique()
    rows = []
    for policy, own in frame[frame["policy"].map(everywhere)].groupby("policy", sort=False):
        row: dict[str, Any] = {"policy": policy, "cost": own["cost"].median()}
        for column in columns:
            row[column] = own[column].median()
            if column.endswith("error"):
                row[f"{column}_p90"] = own[column].quantile(0.9)
                row[f"{column}_worst"] = own[column].max()
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--tables", type=int, default=4000, help="searches drawn of each kind (4000)"
    )
    parser.add_argument("--results", type=Path, default=Path("results"), help="committed tables")
    parser.add_argument(
        "--out", type=Path, default=Path("results/pruning"), help="folder written into"
    )
    given = parser.parse_args()
    frame = measure(given.results, given.tables)
    (given.out / "figures").mkdir(parents=True, exist_ok=True)
    frame.round(4).to_csv(given.out / "pairs.csv", index=False)
    parts = {"tuned": frame[~frame["held_out"]], "held_out": frame[frame["held_out"]]}
    for name, part in parts.items():
        table = summary(part)
        table.round(3).to_csv(given.out / f"{name}.csv", index=False)
        print(f"\n{name}: {part['pair'].nunique()} pairs")
        print(table.round(2).to_string(index=False))
        auto = part[part["policy"] == "auto"]
        for statistic in STATISTICS:
            steps, error = auto[f"{statistic}_steps"].median(), auto[f"{statistic}_error"].max()
            print(
                f"auto, {statistic}: {steps:.2f} of the steps at the median pair"
                f" ({'met' if steps <= TARGET else 'missed'}: ≤ {TARGET}), worst error {error:.2f}"
                f" ({'met' if error <= WORST else 'missed'}: ≤ {WORST})"
            )
    with style.settings():
        drawn = figure.draw_benchmark(frame, f"{_told(BASE.rungs, BASE.keep)} val_error")
        drawn.savefig(given.out / "figures" / "pruning.png")


if __name__ == "__main__":
    main()
