"""The README's numbers are those of the committed tables, and what it names exists."""

import re
from pathlib import Path

from harness.analysis import table
from harness.analysis.final import final
from harness.analysis.tuning_curves import tuning_curves

CHECKOUT = Path(__file__).parent.parent
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def results_table(folder):
    """The comparison as a Markdown table, from a committed table of trials."""
    trials = table.check(table.read([folder / "trials.csv"]))
    curves = tuning_curves(trials, budgets=[1, 4, 16]).set_index(["optimizer", "budget_trials"])
    tests = tuning_curves(trials, metric="test_error", budgets=[16]).set_index("optimizer")
    counts = final(trials).set_index("optimizer")
    lines = [
        "| optimizer | best of 1 | best of 4 | best of 16 | its test error | feasible |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for optimizer in counts.index:
        cells = [_band(curves.loc[(optimizer, budget)]) for budget in (1, 4, 16)]
        cells.append(_band(tests.loc[optimizer]))
        feasible = f"{(trials[trials.optimizer == optimizer].status == 'complete').sum()}"
        lines.append(f"| {optimizer} | {' | '.join(cells)} | {feasible} |")
    return "\n".join(lines)


def _band(row):
    return f"{row['mean']:.2%} ({row.p05:.2%}–{row.p95:.2%})"


def test_the_readmes_table_is_that_of_the_committed_trials():
    assert results_table(CHECKOUT / "results" / "digits") in README


def test_every_path_the_readme_links_to_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) >= 5
    missing = [link for link in links if not (CHECKOUT / link).exists()]
    assert missing == []


def test_no_blank_was_left():
    assert not re.search(r"[A-Z]+_HERE", README)
