"""``python -m harness.refine``: the next stage's search space, with its evidence."""

import numpy as np
import pytest
import yaml

from harness.analysis import table
from harness.commands import refine
from harness.errors import ConfigError
from harness.study.space import Choices, Range, parse
from tests.analysis.conftest import SPACES, made_up_study, write_study


def refined(root, capsys, *arguments):
    """Exit status, the text on standard output and on standard error."""
    status = refine.main([str(root), *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_the_file_is_a_search_space_narrowed_around_the_optimum(root, capsys):
    status, text, _ = refined(root, capsys, "workload=made_up", "optimizer=sgd")
    space = parse(yaml.safe_load(text))
    assert status == 0
    assert 1e-2 < space["lr"].low < 1 < space["lr"].high < 1e2
    assert isinstance(space["end_factor"], Choices)


def test_the_evidence_is_in_the_comments(root, capsys):
    _, text, _ = refined(root, capsys, "workload=made_up", "optimizer=sgd")
    study = table.read_studies(root)
    fingerprint = next(name for name, node in study.items() if node["optimizer"]["name"] == "sgd")
    feasible = (table.read(root).query("optimizer == 'sgd'")["status"] == "complete").sum()
    head = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    assert f"made_up/sgd, study {fingerprint}: {feasible} feasible of 60 trials" in head
    assert f"K = {feasible // 10}" in head
    lr = next(line for line in text.splitlines() if line.startswith("lr:"))
    assert "was [0.01, 100]; selected 5-50-95%:" in lr
    assert "at the borders: 0% low, 0% high" in lr


def test_an_optimum_at_the_border_moves_it_out(tmp_path, capsys):
    study = made_up_study("sgd")
    lr = np.array([study.point(trial)["lr"] for trial in range(60)])
    write_study(tmp_path, study, 1 / (1 + lr))
    _, text, _ = refined(tmp_path, capsys, "workload=made_up", "optimizer=sgd")
    assert parse(yaml.safe_load(text))["lr"].high == 1000


def test_choices_that_nobody_selects_go(tmp_path, capsys):
    study = made_up_study("sgd")
    points = [study.point(trial) for trial in range(90)]
    write_study(tmp_path, study, [1 - 5 * p["end_factor"] + 0.0001 * p["lr"] for p in points])
    _, text, _ = refined(tmp_path, capsys, "workload=made_up", "optimizer=sgd")
    assert parse(yaml.safe_load(text))["end_factor"] == Choices((0.1,))


def test_coverage_of_an_inclusion_is_never_cut_silently(root, capsys):
    """Momentum's new range ends below sgd's 100: said in the file and on standard error."""
    status, text, err = refined(root, capsys, "workload=made_up", "optimizer=momentum")
    assert status == 0
    for output in (text, err):
        assert "sgd ⊆ momentum: no longer covered, momentum's lr needs [0.01, 100]" in output
        assert "momentum ⊆ adam: not checked, adam has no study here" in output


def test_no_inclusion_lost_no_warning(root, capsys):
    _, text, _ = refined(root, capsys, "workload=made_up", "optimizer=sgd")
    assert "no longer covered" not in text  # a narrower sgd stays inside momentum


def test_written_to_a_file_and_not_over_one(root, tmp_path, capsys):
    out = tmp_path / "new" / "sgd.yaml"
    arguments = ("workload=made_up", "optimizer=sgd", "--out", str(out))
    status, text, _ = refined(root, capsys, *arguments)
    assert (status, text.strip()) == (0, str(out))
    written = out.read_text()
    assert isinstance(parse(yaml.safe_load(written))["lr"], Range)
    status, _, err = refined(root, capsys, *arguments)
    assert status == 2
    assert "sgd.yaml exists; give another --out, or --force" in err
    assert refined(root, capsys, *arguments, "--force")[0] == 0


def test_several_studies_need_a_choice(root, capsys):
    wider = made_up_study("sgd", search_space={**SPACES["sgd"], "lr": {"low": 1e-3, "high": 1e2}})
    write_study(root, wider, np.linspace(0.1, 0.9, 30))
    status, _, err = refined(root, capsys, "workload=made_up", "optimizer=sgd")
    assert (status, "made_up/sgd has 2 studies" in err) == (2, True)
    status, text, _ = refined(
        root, capsys, "workload=made_up", "optimizer=sgd", f"study={wider.fingerprint}"
    )
    assert (status, "was [0.001, 100]" in text) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["workload=made_up"], "optimizer= is missing; give ROOT workload=NAME"),
        (
            ["workload=made_up", "optimizer=adm"],
            "made_up/adm has no trials here; there are: made_up/",
        ),
        (["workload=made_up", "optimiser=sgd"], "'optimiser=sgd' is not understood"),
        (
            ["workload=made_up", "optimizer=sgd", "budget_trials=0"],
            "budget_trials must be 1 or more",
        ),
    ],
)
def test_mistakes_are_one_line(root, capsys, arguments, message):
    status, out, err = refined(root, capsys, *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_few_trials_and_tables_without_a_space(root, tmp_path):
    trials, studies = table.read(root), table.read_studies(root)
    with pytest.raises(
        ConfigError, match=r"made_up/sgd has \d+ feasible trials of 15; refining needs"
    ):
        refine.refine(trials[trials["trial"] < 15], studies, "made_up", "sgd")
    with pytest.raises(ConfigError, match="the search space of made_up/sgd is not known"):
        refine.refine(trials, {}, "made_up", "sgd")
