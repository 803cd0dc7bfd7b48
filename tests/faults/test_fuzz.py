"""Whatever is typed: a composed configuration or one line that says what is wrong."""

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.__main__ import command, compose, refuse
from harness.config import build as config
from harness.records import requests as asked
from harness.records.record import to_text
from harness.records.folder import StudyFolder
from harness.running import status
from harness.study.request import Request
from tests.faults import sweeps
from tests.records.test_store import made

KEYS = (
    "workload", "optimizer", "seed", "num_trials", "first_trial", "trial", "num_feasible",
    "max_trials", "root", "workers", "device", "retry_failed", "trial_timeout", "checkpoint_every",
    "damaged", "trials_per_task", "report", "precision", "sampler.name", "sampler.seed",
    "workload.name", "workload.module", "workload.steps", "workload.eval_every",
    "workload.test_every", "workload.batch_size", "workload.target_error", "model", "model.width",
    "data", "data.root", "optimizer.name", "optimizer.rule", "search_space", "search_space.lr",
    "search_space.eps.low", "search_space.eps", "+search_space.l2", "~search_space.eps", "+nothing",
)  # fmt: skip
VALUES = (
    "", "null", "true", "0", "-1", "1", "7", "1.5", "1e400", "nan", "inf", "-inf", "10**9", "9" * 30,
    "[]", "{}", "[1,2]", "{low: 1}", "{low: 2, high: 1}", "{low: a, high: b}", "{choices: []}",
    "{choices: [a]}", "{choices: [true]}", "{low: .nan, high: 1}", "${seed}", "${nothing}", "${", "'",
    "../../x", "/", "a/b", "adam", "adamm", "torch.optim.AdamW", "torch.optim", "os.path.join", ".",
    "..", "a..b", ".x", "math.sqrt", "digits_cnn", "0-3", "0-3,7", "3-0", "'0-3,7'", "[0-3,7]", "10m",
    "0s", "1d", "set_aside", "é", "\u0000", "%", "a=b", "a b", "\t", "[[1]]", "range(0,3)",
)  # fmt: skip
WORDS = st.one_of(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)).map("=".join),
    st.tuples(st.sampled_from(KEYS), st.text(max_size=8)).map("=".join),
    st.text(max_size=12).filter(lambda word: not word.startswith(("-", "hydra"))),
)


@given(st.lists(WORDS, min_size=1, max_size=2), st.sampled_from([[], ["-m", "optimizer=sgd,adam"]]))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_fuzz_overrides_end_in_a_study_or_in_one_line(capsys, words, several):
    """As `command` does it, up to where trials would be run."""
    capsys.readouterr()
    try:
        for composed, overrides in compose([*several, *words]):
            study = config.study(composed, overrides)
            study.point(0)
            config.request(composed, study)
            config.options(composed)
    except Exception as error:
        code = refuse(error)  # which raises what is no mistake of the user's
        _, lines = capsys.readouterr()
        assert code == 2
        assert lines.startswith("harness: ")
        assert lines.count("\n") == 1
        assert len(lines) > len("harness: x\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["workload.name=../../x"], "workload.name '../../x' cannot name a folder under root="),
        (["optimizer.name=a/b"], "optimizer.name 'a/b' cannot name a folder under root="),
        (["workload.module=no.such.module"], "workload.module 'no.such.module' cannot be imported"),
        (["workload.module=..x"], "workload.module '..x' cannot be imported"),
        (["model.width=0"], "model.width must be a whole number of at least 1"),
        (["checkpoint_every=soon"], "checkpoint_every must be steps such as 500 or a time"),
        (["trial_timeout=0"], "trial_timeout must be more than 0 seconds"),
        (["trial=3-1"], "trial must be indices such as 7 or 0-3,7"),
        (["damaged=ignore"], "expected one of [refuse, set_aside]"),
    ],
)
def test_one_line_before_anything_runs(words, says, capsys, tmp_path):
    assert command([*words, f"root={tmp_path / 'results'}"]) == 2
    line = capsys.readouterr().err
    assert says in line
    assert line.count("\n") == 1
    assert not list(tmp_path.rglob("*.json"))


def test_a_damaged_record_stops_the_command_and_set_aside_it_goes_on(tmp_path):
    words = ("optimizer=sgd", "num_trials=3", "workers=1")
    assert sweeps.run(tmp_path, *words)[0] == 0
    path = next(tmp_path.glob("*/*/*/trials/000001.json"))
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    code, errors = sweeps.run(tmp_path, *words)
    assert code == 2
    assert errors.startswith(f"harness: record {path} is not JSON")
    assert errors.count("\n") == 1
    assert path.read_bytes() == whole[:100]
    code, errors = sweeps.run(tmp_path, *words, "damaged=set_aside")
    assert code == 0
    (aside,) = path.parent.glob("000001.json.damaged-*")
    assert f"set aside as {aside.name}: {path} is not JSON" in errors
    assert aside.read_bytes() == whole[:100]
    assert len(sweeps.results(tmp_path)) == 3


def test_damage_beside_the_records_is_set_aside_too(tmp_path, capsys):
    words = ("optimizer=sgd", "num_trials=1", "workers=1")
    assert sweeps.run(tmp_path, *words)[0] == 0
    (request,) = tmp_path.glob("*/*/*/requests/*.json")
    (study,) = tmp_path.glob("*/*/*/study.json")
    for path, text in ((request, ""), (study, "{")):
        path.write_text(text)
        assert status.main([str(tmp_path)]) == 2
        assert f"{path} is" in capsys.readouterr().err
        code, errors = sweeps.run(tmp_path, *words, "damaged=set_aside")
        assert code == 0
        assert f"set aside as {path.name}.damaged-" in errors
        assert status.main([str(tmp_path)]) == 0


def test_a_list_of_trials_is_what_status_prints(tmp_path, capsys):
    words = ("optimizer=sgd", "workers=1")
    assert sweeps.run(tmp_path, *words, "num_trials=6")[0] == 0
    for trial in (0, 1, 2, 4):
        next(tmp_path.glob(f"*/*/*/trials/{trial:06d}.json")).unlink()
    assert status.main([str(tmp_path)]) == 1
    line = next(line for line in capsys.readouterr().out.splitlines() if "missing trial=" in line)
    assert line.endswith("missing trial=0-2,4")
    assert sweeps.run(tmp_path, *words, line.split()[-1])[0] == 0
    assert status.main([str(tmp_path)]) == 0


def test_status_names_damage_and_counts_it_as_missing(tmp_path, capsys):
    folder = StudyFolder(tmp_path, sweeps.study("optimizer=sgd"))
    folder.create()
    asked.note(folder, Request(folder.study, str(tmp_path), num_trials=2))
    assert status.main([str(tmp_path)]) == 1
    folder.record_path(0).write_text(to_text(made(0)))  # of another study
    assert status.main([str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "missing trial=0-1" in out
    assert f"damaged {folder.record_path(0)} is of study" in out or "is of optimizer" in out
    with contextlib.suppress(FileNotFoundError):
        (folder.path / "study.json").write_text("{")
    assert status.main([str(tmp_path)]) == 2
    assert status.main([str(tmp_path / "nowhere")]) == 2
