"""``harness refine``: the next stage's search space, with its evidence."""

import numpy as np
import pytest
import yaml

from harness.__main__ import command
from harness.analysis.reading import read_results
from harness.analysis.refining import refine
from harness.errors import ConfigError
from harness.study.space import Choices, Range, parse
from tests.analysis.conftest import SPACES, made_up_study, write_study


def refined(root, capsys, *arguments):
    """Exit status, the text on standard output and on standard error."""
    status = command(["refine", str(root), *arguments])
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
    found = read_results(root)
    sgd = found.trials[found.trials["optimizer"] == "sgd"]
    fingerprint, feasible = sgd["study"].iloc[0], (sgd["status"] == "complete").sum()
    head = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    assert f"made_up/sgd, study {fingerprint}: {feasible} feasible of 60 trials" in head
    assert f"K = {feasible // 10}" in head
    lr = next(line for line in text.splitlines() if line.startswith("lr:"))
    assert "was [0.01, 100]; selected 5-50-95%:" in lr
    assert "at the borders: 0% low, 0% high" in lr


@pytest.mark.parametrize("rule", ["joint", "marginal"])
def test_an_optimum_at_the_border_moves_it_out(tmp_path, capsys, rule):
    study = made_up_study("sgd")
    lr = np.array([study.point(trial)["lr"] for trial in range(60)])
    write_study(tmp_path, study, 1 / (1 + lr))
    _, text, _ = refined(tmp_path, capsys, "workload=made_up", "optimizer=sgd", f"rule={rule}")
    assert parse(yaml.safe_load(text))["lr"].high == 1000
    assert f"# Rule: {rule}, " in text


def test_choices_that_nobody_selects_go(tmp_path, capsys):
    study = made_up_study("sgd")
    points = [study.point(trial) for trial in range(90)]
    write_study(tmp_path, study, [1 - 5 * p["end_factor"] + 0.0001 * p["lr"] for p in points])
    _, text, _ = refined(tmp_path, capsys, "workload=made_up", "optimizer=sgd")
    assert parse(yaml.safe_load(text))["end_factor"] == Choices("end_factor", (0.1,))


def test_whole_numbers_stay_so_and_words_as_they_are(tmp_path, capsys):
    space = {
        "lr": {"low": 0.1, "high": 1.0}, "memory": {"low": 1, "high": 64, "integer": True},
        "mode": {"choices": ["plain", "sign"]},
    }  # fmt: skip
    study = made_up_study("mine", search_space=space)
    points = [study.point(trial) for trial in range(90)]
    write_study(tmp_path, study, [abs(np.log(p["memory"] / 12)) for p in points])
    _, text, _ = refined(tmp_path, capsys, "workload=made_up", "optimizer=mine")
    found = parse(yaml.safe_load(text))
    assert found["mode"] == Choices("mode", ("plain", "sign"))
    assert found["memory"].integer
    low, high = found["memory"].ends
    assert 1 < low < 12 < high < 64
    assert (low % 1, high % 1) == (0, 0)


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
        (
            ["workload=made_up", "optimizer=sgd", "rule=mean"],
            "rule 'mean' is not one of: joint, marginal",
        ),
    ],
)
def test_mistakes_are_one_line(root, capsys, arguments, message):
    status, out, err = refined(root, capsys, *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_few_trials_and_tables_without_a_space(root):
    trials, _, studies = read_results(root)
    with pytest.raises(
        ConfigError, match=r"made_up/sgd has \d+ feasible trials of 15; refining needs"
    ):
        refine(trials[trials["trial"] < 15], studies, "made_up", "sgd")
    with pytest.raises(ConfigError, match="the search space of made_up/sgd is not known"):
        refine(trials, {}, "made_up", "sgd")


def test_a_space_of_constants_has_nothing_to_refine(tmp_path):
    write_study(tmp_path, made_up_study("sgd", search_space={"lr": 0.1}), np.linspace(0.1, 0.9, 30))
    trials, _, studies = read_results(tmp_path)
    with pytest.raises(ConfigError, match="holds every axis constant: there is nothing to refine"):
        refine(trials, studies, "made_up", "sgd")


def test_numbers_are_floats_to_every_reader_of_yaml(tmp_path, capsys):
    """YAML 1.1 takes 1e-10 for a word."""
    space = {"lr": {"low": 1e-10, "high": 1e20}, "eps": 1e-8}
    study = made_up_study("sgd", search_space=space)
    lr = np.array([study.point(trial)["lr"] for trial in range(60)])
    write_study(tmp_path, study, np.abs(np.log10(lr)) / 20)
    _, text, _ = refined(tmp_path, capsys, "workload=made_up", "optimizer=sgd")
    nodes = yaml.safe_load(text)
    assert nodes["eps"] == 1e-8
    assert {type(nodes["lr"][end]) for end in ("low", "high")} == {float}
