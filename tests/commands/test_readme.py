"""The README's numbers are those of the committed tables, and what it names exists."""

import re
from pathlib import Path

from harness.analysis import table
from harness.report import markdown as outcome

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_the_readmes_table_is_that_of_the_committed_trials():
    trials = table.read(CHECKOUT / "results" / "digits" / "trials.csv")
    assert outcome.optimizers(trials) in README


def test_every_path_the_readme_links_to_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) >= 5
    missing = [link for link in links if not (CHECKOUT / link).exists()]
    assert missing == []


def test_no_blank_was_left():
    assert not re.search(r"[A-Z]+_HERE", README)
