"""Every command line of the README and of docs/ is run, page by page, in order.

Trainings are shortened (`conftest.SMALL`); Python and YAML blocks that name a file in their first lines
are written there. What can't be run in a test is `LEFT_OUT`, with what is checked of it instead.
"""

import functools
import importlib.util
import re
import shutil

import pytest

from harness.__main__ import command
from harness.analysis import power
from harness.commands import verbs, watched
from harness.report import catalogue
from tests.docs.conftest import NO_DOWNLOADS, SMALL, of_made_sentences, shortened
from tests.docs.pages import CHECKOUT, PAGES, blocks, commands, file_of

pytestmark = pytest.mark.slow  # a minute of one core: some sixty commands


def _has_targets(words):
    targets = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(words) <= set(targets)


def _activates(words):
    assert words == [".venv/bin/activate"]


# What is checked of a command that isn't run. `harness submit` runs up to where it needs Slurm.
LEFT_OUT = {
    "make": _has_targets,  # installs, trains for minutes, or is these tests
    ".": _activates,  # the environment that these tests run in
}
NO_SLURM = "is not on this machine; submit from a login node of Slurm"
OPTUNA = importlib.util.find_spec("optuna") is not None  # an extra, which CI has
PRINTING = ("--cfg", "--help", "-sc")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_runs(page, scratch, small_results, monkeypatch, capsys):
    monkeypatch.setattr(power, "TABLES", 40)  # simulated by `harness plan`
    monkeypatch.setattr(power, "power", functools.cache(power.power.__wrapped__))
    monkeypatch.setattr(catalogue, "FORMATS", ("svg",))  # a third of a page's time goes into both
    monkeypatch.setattr(watched, "STARTS", 1)
    monkeypatch.setattr(watched, "ESCAPE_STEPS", 9)
    monkeypatch.setenv("PATH", str(scratch))  # no Slurm, whatever this machine has
    shutil.copytree(small_results, scratch / "results")
    for block in blocks(page):
        if path := file_of(block):
            (scratch / path).parent.mkdir(parents=True, exist_ok=True)
            (scratch / path).write_text(block.text, encoding="utf-8")
        if block.language == "sh":
            for words in commands(block):
                _run(words, capsys)


def _run(words, capsys):
    if "&&" in words:
        place = words.index("&&")
        _run(words[:place], capsys)
        _run(words[place + 1 :], capsys)
        return
    program, *rest = words
    if program in LEFT_OUT:
        LEFT_OUT[program](rest)
    else:
        assert program in ("harness", ".venv/bin/harness")
        _run_harness(rest, capsys)


def _run_harness(words, capsys):
    verb, _ = verbs.split(words)
    if not OPTUNA and any("tpe" in word or "results/gp" in word for word in words):
        return
    capsys.readouterr()
    words = of_made_sentences(words)
    if verb == "run" and not any(word in PRINTING for word in words):
        words = shortened(words)
    if verb == "stages" and any(word.startswith("stages=") for word in words):
        words = [word for word in words if not word.startswith("stages=")]
        words += ["stages=30x2,30x4", *SMALL[1:], "model.width=2"]
    elif verb == "stages":
        words = [*words, *SMALL, "model.width=2", "num_trials=30"]  # it needs 20 feasible ones
    if verb == "landscape":
        words = [*words, *SMALL, "num_trials=2", "--no-animation"]
    if verb == "submit":
        words = [NO_DOWNLOADS.get(word, word) for word in words]
    status = command(words)
    err = capsys.readouterr().err
    if verb == "submit" and "--dry-run" not in words:
        assert (status, err.count("\n")) == (1, 1), err
        assert NO_SLURM in err
    elif verb == "status":
        assert status in (0, 1), err  # 1: not all is there yet
    else:
        assert status == 0, f"harness {' '.join(words)}\n{err}"


def test_the_script_that_submits_is_a_door_to_the_verb():
    script = (CHECKOUT / "scripts" / "submit_slurm.sh").read_text(encoding="utf-8")
    assert script.rstrip().endswith('-m harness submit "$@"')
