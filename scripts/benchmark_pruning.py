"""What does pruning cost and gain, at equal training? Measured on the committed tables, nothing trained.

The trials of a committed study stand for a population. From it searches are drawn: 64 trials trained
whole, and cohorts of 32 pruned at rungs (a tenth audited), as many as cost the same steps. Both estimate the best of 16
(mean and median over searches); their squared errors against the population's own value, bias
included, give

    error    the squared error of pruned searches over that of full ones, at equal steps
    steps    the share of the steps at which pruned searches have the error of full ones

The candidates were chosen on the digits and CIFAR-10 ("chosen"). The studies of `digits_stages` were
trained later ("later"), and War and Peace was held out ("held out"): it is reported last. `auto`
chooses a study's rungs on its first 64 trials, as `pruning=auto` does; what these cost, trained whole,
comes on top: of N trials it leaves (64 + (N - 64) steps) / N of the steps (columns `steps_of_N`).

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

TABLES = (
    "digits", "digits_broad", "cifar10", "digits_stages", "war_and_peace", "search_space_decides",
)  # fmt: skip
CHOSEN, LATER, HELD_OUT = GROUPS = ("chosen", "later", "held out")
FULL, BUDGET, COHORT = 64, 16, 32
COHORTS = (1, 2, 3, 4, 5, 6, 8, 10)
LEAST_TRIALS, LEAST_EVALUATIONS = 32, 5
AUDIT = 0.1  # as in conf/pruning: it costs steps too
BASE = Pruning((0.2, 0.4), (0.5, 0.5), audit=AUDIT)
TARGET, WORST = 0.57, 1.1
WITH_PROBE = (256, 512, 1024)  # trials, of which the first 64 are whole
STATISTICS = ("mean", "median")


class Pair(NamedTuple):
    """One optimizer on one workload: its committed trials as a population."""

    name: str
    group: str
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
            workload, optimizer = settings[study]["workload"], rows["optimizer"].iloc[0]
            several = trials.loc[trials["optimizer"] == optimizer, "study"].nunique() > 1
            yield Pair(
                f"{table}/{optimizer}" + (f"/{study[:4]}" if several else ""),
                _group(table, workload["name"]),
                workload,
                _curves(rows.sort_values("trial"), own, workload["steps"]),
            )


def _group(table: str, workload: str) -> str:
    if workload == "war_and_peace_lstm":
        return HELD_OUT
    return LATER if table == "digits_stages" else CHOSEN


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

    The mean is over searches that select a trial with an error (`analysis.censored`).
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
    ranks = [ranks_at(curves, step, pruning.metric) for step in pruning.steps(workload)]
    last = np.array([*pruning.steps(workload), workload["steps"]]) / workload["steps"]
    costs: list[float] = []
    squared: dict[str, list[float]] = {name: [] for name in STATISTICS}
    for cohorts in COHORTS:
        drawn = rng.integers(population, size=(tables * cohorts, pruning.cohort))
        alive = passing_all(np.stack([rank[drawn] for rank in ranks], axis=-1), pruning.keep)
        whole_way = alive.all(axis=-1) | (rng.random(drawn.shape) < pruning.audit)
        rungs_passed = np.where(whole_way, len(ranks), alive.sum(axis=-1))
        took = np.minimum(last[rungs_passed], curves.trained[drawn])
        costs.append(float(took.sum()) / tables / budget)
        errors = np.where(whole_way, curves.final[drawn], np.inf).reshape(tables, -1)
        passed = np.where(alive.all(axis=-1), curves.final[drawn], np.inf).reshape(tables, -1)
        told = {"mean": best_of(passed)["mean"], "median": best_of(errors)["median"]}
        for name, found in told.items():
            squared[name].append(float(np.nanmean((found - truth[name]) ** 2)))
    row = {"cost": costs[3] / (COHORTS[3] * pruning.cohort / FULL)}
    for name in STATISTICS:
        full = float(np.mean((whole[name] - truth[name]) ** 2))
        row[f"{name}_error"] = interpolated(costs, squared[name], 1.0) / full
        row[f"{name}_steps"] = reaching(costs, squared[name], full)
    return row


def interpolated(costs: Sequence[float], squared: Sequence[float], cost: float) -> float:
    """The squared error at a cost, between those simulated on log axes."""
    return float(
        np.exp(np.interp(np.log(cost), np.log(costs), np.log(np.maximum(squared, 1e-300))))
    )


def reaching(costs: Sequence[float], squared: Sequence[float], error: float) -> float:
    """The cost at which an error is reached; infinite where it is not with ten cohorts."""
    falling = np.minimum.accumulate(np.maximum(squared, 1e-300))
    if falling[-1] > error:
        return float("inf")
    if falling[0] <= error:  # one cohort does; its error falls as one over its cost
        return float(costs[0] * falling[0] / error)
    return float(np.exp(np.interp(-np.log(error), -np.log(falling), np.log(costs))))


def ranks_at(curves: Curves, step: int, metric: str) -> np.ndarray:
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
            yield f"{_told(shares, keep)} {metric}", Pruning(shares, keep, COHORT, AUDIT, metric)
    for cohort in (16, 64):
        yield (
            f"{_told(BASE.rungs, BASE.keep)} val_error cohorts of {cohort}",
            Pruning(BASE.rungs, BASE.keep, cohort, AUDIT),
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
    auto = Auto(audit=AUDIT)
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
        known = {"pair": pair.name, "group": pair.group, "trials": len(pair.curves.final)}
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


def targets(group: str, auto: pd.DataFrame) -> pd.DataFrame:
    """What `auto` comes to, a row a statistic: steps at the median pair, the worst error, with a probe.

    A pair that it refused to prune counts with steps and error of 1.
    """
    rows = []
    for statistic in STATISTICS:
        steps, error = auto[f"{statistic}_steps"].median(), auto[f"{statistic}_error"].max()
        row = {"group": group, "statistic": statistic, "pairs": len(auto), "steps": steps}
        row |= {"steps_met": steps <= TARGET, "worst_error": error, "error_met": error <= WORST}
        row |= {"refused": int((auto["chosen"] == "none").sum())}
        row |= {f"steps_of_{n}": (FULL + (n - FULL) * steps) / n for n in WITH_PROBE}
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
    told = []
    for group in GROUPS:
        part = frame[frame["group"] == group]
        table = summary(part)
        table.round(3).to_csv(given.out / f"{group.replace(' ', '_')}.csv", index=False)
        print(f"\n{group}: {part['pair'].nunique()} pairs")
        print(table.round(2).to_string(index=False))
        told.append(targets(group, part[part["policy"] == "auto"]))
    outcome = pd.concat(told)
    outcome.round(3).to_csv(given.out / "targets.csv", index=False)
    print(outcome.round(2).to_string(index=False))
    with style.settings():
        drawn = figure.draw_benchmark(frame, f"{_told(BASE.rungs, BASE.keep)} val_error")
        drawn.savefig(given.out / "figures" / "pruning.png")


if __name__ == "__main__":
    main()
