"""Several workloads on one page: Markdown, from the tables of `analysis.across_workloads`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.across_workloads import Across, least, of_all, swaps
from harness.analysis.names import listed, name, number
from harness.analysis.pairs import BETTER, CANT_TELL, WORSE
from harness.analysis.performance_profile import SCORED_TO, profile, scores
from harness.analysis.pooling import Studies
from harness.analysis.reading import ERROR_RATE, Results
from harness.report.markdown import table
from harness.report.races import end, share
from harness.study.result import COMPLETE


def page(found: Across, ratios: pd.DataFrame, results: Results, cautions: Mapping[str, str]) -> str:
    """The page.

    Args:
        found: of the results' trials.
        ratios: of `performance_profile.steps`.
        cautions: by workload, of `report.spaces.caution`.
    """
    parts = [
        f"# {listed(found.optimizers)} across {len(found.workloads)} workloads",
        *answer(found),
        "## The workloads",
        *_workloads(found, results, cautions),
        "## Who wins",
        *_wins(found),
        "## Mean ranks, and what one workload decides",
        *_ranks(found),
        "## Steps to target",
        *_profile(found, ratios),
    ]
    return "\n\n".join(parts) + "\n"


def answer(found: Across) -> Iterator[str]:
    """The page's first paragraphs: what is told apart, how little that can be, what flips."""
    n, mean = len(found.workloads), of_all(found.pairs)
    told = mean[mean["verdict"] != CANT_TELL]
    count = len(mean)
    told = told.to_dict("records")
    tuned = f"(n = {n}, K = {found.budget} trials each)"
    if told:
        yield (
            f"Across workloads {tuned} {'; '.join(map(_told, told))}. The other {count - len(told)} of {count}"
            " pairs are not told apart."
        )
    elif n >= least(count):
        yield f"**No pair is told apart across workloads** {tuned}."
    else:
        yield (
            f"**No pair is told apart across workloads** {tuned}, nor could any be: a test that assumes nothing of"
            f" how workloads differ has a least p-value of {number(2.0 ** (1 - n), 3)} with {n} of them. It takes"
            f" {least(1)} to tell a single pair apart, and {least(count)} for one of {count}, even where one optimizer"
            " wins on every workload."
        )
    clear = mean[(mean["win_low"] > 0.5) | (mean["win_high"] < 0.5)]
    if len(clear):
        words = "; ".join(_one_way(row) for row in clear.to_dict("records"))
        yield (
            f"By itself the 95% interval of {len(clear)} of {count} pairs leaves one half out, where one in twenty"
            f" would by chance: {words}. That is a reason to look, not a finding."
        )
    else:
        yield f"Every pair's 95% interval holds one half, by itself already; they are {_width(mean)} wide."
    yield flips(found)


def _told(row: Mapping[str, Any]) -> str:
    better = row["verdict"] == BETTER
    return f"{name(row['a'])} is {BETTER if better else WORSE} than {name(row['b'])}"


def _one_way(row: Mapping[str, Any]) -> str:
    """The winner first."""
    a, b, ahead = name(row["a"]), name(row["b"]), row["ahead"]
    win, low, high = row["win"], row["win_low"], row["win_high"]
    if win < 0.5:
        a, b, ahead = b, a, row["behind"]
        win, low, high = 1 - win, 1 - high, 1 - low
    return f"{a} against {b} {share(win)} ({end(low)} to {end(high)}), ahead on {int(ahead)} of {row['workloads']}"


def _width(mean: pd.DataFrame) -> str:
    width = mean["win_high"] - mean["win_low"]
    return f"{width.min():.0%} to {width.max():.0%} of races"


def flips(found: Across) -> str:
    """Whether the order of mean ranks hangs on one workload."""
    first = _first(found.ranks, "")
    lines = []
    for workload in found.workloads:
        turned = swaps(found.ranks, workload)
        if not turned:
            lines.append(f"without {workload} it stays")
            continue
        new = _first(found.ranks, workload)
        lead = f" (the first is then {listed(new)})" if new != first else ""
        pairs = ", ".join(f"{name(b)} before {name(a)}" for a, b in turned)
        lines.append(
            f"without {workload} {len(turned)} pair{' turns' if len(turned) == 1 else 's turn'} round{lead}:"
            f" {pairs}"
        )
    changed = any(swaps(found.ranks, workload) for workload in found.workloads)
    ranked = of_all(found.ranks).sort_values("mean_rank", kind="stable")
    head = (
        "**The order of mean ranks hangs on single workloads.**"
        if changed
        else "The order of mean ranks is the same whichever workload is left out."
    )
    order = f"It is {listed(ranked['optimizer'])}"
    return f"{head} {order}; {'; '.join(lines)}." if changed else f"{head} {order}."


def _first(ranks: pd.DataFrame, without: str) -> list[str]:
    rows = ranks[(ranks["workload"] == "") & (ranks["without"] == without)]
    return list(rows.loc[rows["place"] == 1, "optimizer"])


# --- the parts ------------------------------------------------------------------------------------


def _workloads(found: Across, results: Results, cautions: Mapping[str, str]) -> Iterator[str]:
    rows, trials = [], results.trials
    for workload in found.workloads:
        own = trials[trials["workload"] == workload]
        steps = own["steps"].max()
        metric = own["metric"].dropna() if "metric" in own else own["workload"][:0]
        counts = own[own["status"] == COMPLETE].groupby("optimizer").size()
        counts = counts[[each for each in counts.index if each in found.optimizers]]
        rows.append([
            workload,
            metric.iloc[0] if len(metric) else ERROR_RATE,
            "" if pd.isna(steps) else f"{int(steps):,}",
            f"{counts.min()}–{counts.max()}" if counts.min() < counts.max() else f"{counts.min()}",
        ])  # fmt: skip
    yield (
        "One vote each. A workload is a model on its data: two training budgets, two search spaces or two seeds of"
        " one are not two workloads, and none of these is a random draw from all that is trained."
    )
    yield table(["workload", "error", "steps", "feasible trials of each optimizer"], rows)
    yield from (f"- {sentence}" for sentence in related(found.workloads, results.studies, trials))
    yield from (f"- `{workload}`: {words}" for workload, words in cautions.items() if words)
    if found.aside:
        told = "; ".join(f"{name(each)} ({why})" for each, why in found.aside.items())
        yield f"Only optimizers present in all of them are compared. Left aside: {told}."


def related(workloads: list[str], studies: Studies, trials: pd.DataFrame) -> Iterator[str]:
    """Which workloads share data or code, so that their votes are not quite two."""
    facts = {workload: _facts(workload, studies, trials) for workload in workloads}
    for one, other in itertools.combinations(workloads, 2):
        same = [what for what in ("data", "model") if facts[one][what] & facts[other][what]]
        if same:
            yield (
                f"`{one}` and `{other}` have the same {' and '.join(same)}: their votes are less than two"
                " independent ones."
            )


def _facts(workload: str, studies: Studies, trials: pd.DataFrame) -> dict[str, set[str]]:
    names = set(trials.loc[trials["workload"] == workload, "study"])
    nodes = [study.config for each, study in studies.items() if each in names]
    data = {str(node["data_sha256"]) for node in nodes if node.get("data_sha256")}
    modules = {str(node.get("workload", {}).get("module", "")) for node in nodes} - {""}
    return {"data": data, "model": modules}


def _wins(found: Across) -> Iterator[str]:
    mean, own = of_all(found.pairs), found.pairs[found.pairs["workload"] != ""]
    each = own.pivot(index=["a", "b"], columns="workload", values="win")[found.workloads]
    rows = []
    for row in mean.to_dict("records"):
        rows.append([
            name(row["a"]),
            name(row["b"]),
            f"{share(row['win'])} ({end(row['win_low'])}–{end(row['win_high'])})",
            *(share(win) for win in each.loc[(row["a"], row["b"])]),
            f"{int(row['ahead'])} of {row['workloads']}",
            number(row["p_adjusted"], 3),
            f"**{row['verdict']}**",
        ])  # fmt: skip
    yield (
        f"The share of tuning races of K = {found.budget} trials that the first wins, ties counted half: mean over"
        " workloads, its 95% interval with workloads as the unit (Student's on the scale arcsin √share, each pair"
        " by itself), and the share on each. The verdict is by sign flips over workloads, adjusted for all pairs"
        " (Holm)."
    )
    yield "![win shares](wins.png)"
    head = ["first", "second", "first wins", *found.workloads, "ahead on", "p, adjusted", "verdict"]
    yield table(head, rows)


def _ranks(found: Across) -> Iterator[str]:
    ranked = of_all(found.ranks).sort_values("mean_rank", kind="stable")
    own = found.ranks[found.ranks["workload"] != ""]
    each = own.pivot(index="optimizer", columns="workload", values="mean_rank")[found.workloads]
    rest = found.ranks[found.ranks["without"] != ""]
    without = rest.pivot(index="optimizer", columns="without", values="place")[found.workloads]
    rows = [
        [
            name(row["optimizer"]),
            f"{row['mean_rank']:.2f} ({row['rank_low']:.1f}–{row['rank_high']:.1f})",
            *(f"{rank:.2f}" for rank in each.loc[row["optimizer"]]),
            ", ".join(str(place) for place in without.loc[row["optimizer"]]),
        ]
        for row in ranked.to_dict("records")
    ]
    yield (
        f"Expected rank among the {len(found.optimizers)} when each is tuned with K = {found.budget} trials. A"
        " rank is one among these optimizers: it changes with who else is compared. The last column is the place"
        f" by mean rank without {', without '.join(found.workloads)}."
    )
    yield "![mean ranks](ranks.png)"
    head = ["optimizer", "mean rank (95%)", *found.workloads, "place with one left out"]
    yield table(head, rows)


def _profile(found: Across, ratios: pd.DataFrame) -> Iterator[str]:
    without = [each for each in found.workloads if each not in set(ratios["workload"])]
    if ratios.empty:
        yield "No workload has learning curves of more than one evaluation, so steps to a target are not known."
        return
    yield profile_note(ratios)
    if without:
        yield f"Without learning curves, so not in it: {', '.join(without)}."
    yield "![performance profile](profile.png)"
    targets = ratios.drop_duplicates("workload").set_index("workload")
    steps = ratios.pivot(index="optimizer", columns="workload", values="steps")[targets.index]
    score, shares = scores(ratios), profile(ratios).set_index(["optimizer", "tau"])["share"]
    rows = [
        [
            name(optimizer),
            *(
                f"{each:,.0f}" if np.isfinite(each) else "not reached"
                for each in steps.loc[optimizer]
            ),
            f"{shares[optimizer, 1.0]:.0%}",
            f"{shares[optimizer].iloc[-1]:.0%}",
            f"{score[optimizer]:.2f}",
        ]
        for optimizer in found.optimizers
    ]
    heads = [
        f"{workload}: {number(row['target'])} ({'stated' if row['stated'] else 'by rule'})"
        for workload, row in targets.iterrows()
    ]
    yield table(
        ["optimizer", *heads, "fastest on", "solved", f"score to τ = {SCORED_TO:.0f}"], rows
    )


def profile_note(ratios: pd.DataFrame) -> str:
    """What the profile is of, for the page and the figure's caption."""
    k, n = int(ratios["budget_trials"].iloc[0]), ratios["workload"].nunique()
    return (
        f"Performance profile (Dolan and Moré 2002) over {n} workloads: the share solved within τ times the"
        f" steps of the fastest. Steps are the median over tuning runs of K = {k} trials, as fine as evaluations;"
        " the target is the workload's own where any trial reaches it, else an error that every optimizer reaches in"
        " half of its runs. Each step of a line is one workload; equal steps share the first place."
    )
