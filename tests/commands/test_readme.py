"""The README's numbers are those of the committed tables."""

import re
from pathlib import Path

from harness.analysis.reading import read_results
from harness.config import build
from harness.report import markdown
from tests import studies

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_the_readmes_table_is_that_of_the_committed_trials():
    trials = read_results(CHECKOUT / "results" / "demo" / "trials.csv").trials
    marked = re.search(r"<!-- demo: .* -->\n(.*)\n<!-- end of demo -->", README, re.S)
    assert marked
    assert marked[1] == markdown.optimizers(trials)


def test_the_readmes_command_repeats_the_studies_of_its_table():
    trials = read_results(CHECKOUT / "results" / "demo" / "trials.csv").trials
    asked = build.requests(studies.jobs("experiment=quickstart"))
    assert {request.study.fingerprint for request in asked} == set(trials["study"])


def test_no_blank_was_left():
    assert not re.search(r"[A-Z]+_HERE", README)
