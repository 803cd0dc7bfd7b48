"""The door: one command with verbs, each with its own help."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import __main__ as door
from harness.__main__ import command
from harness.commands import verbs
from harness.commands.overview import GROUPS
from harness.errors import EXIT_USAGE, ConfigError, SweepError

CONF = Path(__file__).parents[2] / "conf"
OTHERS = [verb for verb in verbs.VERBS if verb != "run"]


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], ["optimizer=sgd", "--help"]])
def test_help_lists_the_verbs_with_a_line_each(words, capsys):
    assert command(words) == 0
    out = capsys.readouterr().out
    for verb, line in verbs.VERBS.items():
        assert f"  {verb:<9} {line}\n" in out
    assert max(map(len, out.splitlines())) <= 110


def test_help_lists_what_is_shipped(capsys):
    command(["--help"])
    out = " ".join(capsys.readouterr().out.split())
    for group in GROUPS:
        shipped = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
        assert f" {group}= {', '.join(shipped)} " in out


@pytest.mark.parametrize(("given", "threads"), [(None, "1"), ("3", "3")])
def test_numpy_has_one_thread_unless_told(given, threads, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", given or "")  # put back afterwards
    if given is None:
        monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    assert command(["--help"]) == 0
    assert os.environ["OPENBLAS_NUM_THREADS"] == threads


@pytest.mark.parametrize("verb", OTHERS)
def test_every_verb_has_its_own_help(verb, capsys):
    assert command([verb, "--help"]) == 0
    out, err = capsys.readouterr()
    assert f"harness {verb}" in out
    assert err == ""


@pytest.mark.parametrize("verb", [verb for verb in OTHERS if verb != "submit"])
def test_a_bad_option_is_one_line_that_names_the_verb(verb, capsys):
    assert command([verb, "somewhere", "--no-such-option"]) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"harness {verb}: ")
    assert f"harness {verb} --help lists what it takes" in err
    assert err.count("\n") == 1


def test_options_are_not_guessed_from_their_beginning(capsys):
    assert command(["report", "results", "--ou", "x"]) == EXIT_USAGE
    assert "--ou" in capsys.readouterr().err


def test_every_verb_is_a_module_and_every_module_of_a_verb_is_listed():
    for verb in verbs.VERBS:
        assert callable(verbs.main_of(verb))


@pytest.mark.parametrize(
    ("words", "split"),
    [
        ([], ("run", [])),
        (["optimizer=adam"], ("run", ["optimizer=adam"])),
        (["run", "optimizer=adam"], ("run", ["optimizer=adam"])),
        (["run", "--help"], ("overview", [])),
        (["report", "results", "--help"], ("report", ["results", "--help"])),
        (["-sc", "query=bash"], ("completion", ["-sc", "query=bash"])),
        (["optimizer=adam", "report"], ("run", ["optimizer=adam", "report"])),
    ],
)
def test_the_verb_is_the_first_word(words, split):
    assert verbs.split(words) == split


@pytest.mark.parametrize(
    "words", [["--config-dir", "my_conf", "repeat", "results/digits"], ["-m", "repeat"]]
)
def test_a_verb_further_on_is_told_to_come_first(words, capsys):
    assert command(words) == EXIT_USAGE
    assert (
        capsys.readouterr().err == "harness: repeat is a verb and comes first: harness repeat …\n"
    )


def test_the_value_of_an_option_may_be_called_like_a_verb():
    verbs.check_first(["--config-dir", "report", "optimizer=adam"])


def test_no_words_at_all_are_a_run_of_the_default_study(monkeypatch):
    seen = []
    monkeypatch.setattr(verbs, "main_of", lambda verb: lambda rest: seen.append((verb, rest)) or 0)
    assert command([]) == 0
    assert seen == [("run", [])]


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ConfigError("mend\n it"), 2, "harness status: mend it\n"),
        (SweepError("full"), 1, "harness status: full\n"),
        (PermissionError(13, "Permission denied", "/x"), 1,
         "harness status: /x cannot be used (Permission denied); mend it, or name another\n"),
        (KeyboardInterrupt(), 130, "harness status: interrupted\n"),
        (SystemExit(3), 3, ""),
        (SystemExit(None), 0, ""),
    ],
)  # fmt: skip
def test_what_ends_a_verb_is_its_exit_status_and_a_line(error, status, line, monkeypatch, capsys):
    def ends(arguments):
        raise error

    monkeypatch.setattr(verbs, "main_of", lambda verb: ends)
    assert command(["status", "x"]) == status
    assert capsys.readouterr().err == line


def test_what_a_library_raises_about_an_interrupt_is_one(monkeypatch, capsys):
    def ends(arguments):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise ImportError("cannot load numbers") from interrupt

    monkeypatch.setattr(verbs, "main_of", lambda verb: ends)
    assert command(["status", "x"]) == 130
    assert capsys.readouterr().err == "harness status: interrupted\n"


def test_a_bug_of_ours_is_the_traceback_it_is(monkeypatch):
    monkeypatch.setattr(verbs, "main_of", lambda verb: lambda arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        command(["status", "x"])


def test_the_console_script_is_the_door():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="harness")
    assert script.load() is door.main
    ended = subprocess.run(
        [sys.executable, "-m", "harness", "status"], capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("harness status: the following arguments are required: root;")
