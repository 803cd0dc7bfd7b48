"""The tab key: verbs, their options, and Hydra's overrides."""

import subprocess
import sys

import pytest

from harness.__main__ import command


@pytest.fixture
def completions(monkeypatch, capsys):
    """What could follow a line that is being typed."""

    def complete(line):
        monkeypatch.setenv("COMP_LINE", line)
        monkeypatch.setenv("COMP_POINT", str(len(line)))
        assert command(["-sc", "query=bash"]) == 0
        return capsys.readouterr().out.split()

    return complete


def test_the_first_word_is_a_verb_or_an_override(completions):
    found = completions("harness re")
    assert found[:2] == ["report", "refine"]
    assert "retry_failed=" in found
    assert "status" not in found
    everything = completions("harness ")
    assert {"run", "report", "submit", "optimizer=", "workload="} <= set(everything)


@pytest.mark.parametrize("before", ["harness", "harness run", "harness seed=1", "harness -m"])
def test_overrides(before, completions):
    found = completions(f"{before} optimizer=ada")
    assert {"optimizer=adadelta", "optimizer=adagrad", "optimizer=adam"} <= set(found)
    assert all(word.startswith("optimizer=ada") for word in found)
    assert completions(f"{before} schedule=lin") == ["schedule=linear"]
    assert "search_space.effective_lr." in completions(f"{before} search_space.eff")


def test_after_the_word_run_no_verb_follows(completions):
    assert "report" not in completions("harness run ")


def test_the_options_of_a_verb(completions):
    assert {"--out", "--help"} <= set(completions("harness report --"))
    assert {"--out", "--help"} <= set(completions("harness refine --o"))
    assert completions("harness submit --")[0] == "--parallel"
    assert not any("=" in word for word in completions("harness report "))


@pytest.mark.parametrize(
    "before", ["harness plan", "harness submit --parallel=2 --", "harness stages"]
)
def test_words_of_a_run_after_a_verb_that_takes_them(before, completions):
    found = completions(f"{before} optimizer=ada")
    assert {"optimizer=adagrad", "optimizer=adam"} <= set(found)
    assert any(word.startswith("--") for word in found)


def test_the_script_for_a_shell_names_the_command():
    made = subprocess.run(
        [sys.executable, "-m", "harness", "-sc", "install=bash"], capture_output=True, text=True
    )
    assert made.returncode == 0
    assert "complete " in made.stdout
