"""The schedule is a choice of its own: its axes are searched last, unless the search space names them."""

import pytest

from harness.config import build
from harness.errors import ConfigError
from harness.study.result import COMPLETE
from tests.studies import jobs, result, study

LINEAR = {
    "decay_steps_factor": {"low": 0.5, "high": 1.0, "scale": "linear"},
    "end_factor": {"choices": [1e-4, 1e-3, 1e-2, 1e-1]},
}
TINY = ("workload.steps=4", "workload.eval_every=2", "model.width=2")


def node(*words):
    ((config, _),) = jobs("optimizer=momentum", *words)
    return build.study_node(config)


def test_linear_is_searched_as_in_the_paper_unless_told():
    made = node()
    assert made["schedule"] == {"name": "linear"}
    assert list(made["search_space"]) == ["effective_lr", "one_minus_momentum", *LINEAR]
    assert {name: made["search_space"][name] for name in LINEAR} == LINEAR


def test_an_axis_of_the_schedule_is_set_by_its_name():
    assert node("schedule.end_factor=0.1")["search_space"]["end_factor"] == 0.1
    assert node("schedule.decay_steps_factor.low=0.25")["search_space"]["decay_steps_factor"] == {
        "low": 0.25, "high": 1.0, "scale": "linear",
    }  # fmt: skip


def test_the_search_spaces_own_word_wins_and_keeps_its_place():
    space = node("+search_space.end_factor=0.5")["search_space"]
    assert space["end_factor"] == 0.5
    assert list(space) == ["effective_lr", "one_minus_momentum", "end_factor", "decay_steps_factor"]


def test_the_schedule_leaves_the_other_coordinates_of_a_point():
    with_it, without = study("optimizer=momentum"), study("optimizer=momentum", "schedule=constant")
    for trial in range(5):
        longer, shorter = with_it.point(trial), without.point(trial)
        assert {name: longer[name] for name in shorter} == shorter


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_constant_runs_with_the_shipped_space(optimizer):
    of = study(f"optimizer={optimizer}", "schedule=constant", *TINY)
    assert of.config["schedule"] == {"name": "constant"}
    assert not set(of.space) & set(LINEAR)
    made = result(of)
    assert made["status"] == COMPLETE
    rates = made["curve"]["learning_rate"]
    assert rates == [made["hyperparameters"]["lr"]] * 2


def test_a_constant_learning_rate_is_the_schedule_that_ends_where_it_began():
    plain = result(study("optimizer=sgd", "schedule=constant", "search_space.lr=0.1", *TINY))
    flat = result(
        study("optimizer=sgd", "schedule.end_factor=1", "schedule.decay_steps_factor=1",
              "search_space.lr=0.1", *TINY)
    )  # fmt: skip
    assert plain["curve"] == flat["curve"]


def test_another_schedule_is_another_study():
    assert (
        study("optimizer=sgd").fingerprint
        != study("optimizer=sgd", "schedule=constant").fingerprint
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["+schedule.warm_up=0.1"],
         "axis of schedule linear 'warm_up' is not one of: decay_steps_factor, end_factor.*; leave it out"),
        (["schedule=constant", "+schedule.end_factor=0.1"],
         "axis of schedule constant 'end_factor' is not one of: .*; leave it out"),
        (["schedule=constant", "+search_space.end_factor=0.1"],
         "hyperparameter of momentum 'end_factor' is not one of: lr, momentum"),
        (["schedule.name=none"], "schedule.name 'none' is not one of: constant, .*linear"),
        (["schedule.name=null"], "schedule.name must be a schedule's name, got None; such as linear"),
        (["schedule.end_factor=2"], r"search_space.end_factor must lie in \[0, 1\], got 2"),
        (["schedule.name=no_such.module"], "schedule.name 'no_such.module' cannot be imported"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(words, says):
    with pytest.raises(ConfigError, match=says):
        node(*words)


def test_a_schedule_of_ones_own_brings_its_axes_and_its_code(tmp_path, monkeypatch):
    package = tmp_path / "my_schedules.py"
    package.write_text(
        "def halving(step, total_steps, *, every=2):\n    return 0.5 ** (step // every)\n"
    )
    (tmp_path / "conf" / "schedule").mkdir(parents=True)
    (tmp_path / "conf" / "schedule" / "halving.yaml").write_text(
        "name: my_schedules.halving\nevery: {choices: [1, 2]}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    words = ("--config-dir", str(tmp_path / "conf"), "schedule=halving", "schedule.every=2", *TINY)
    made = node(*words)
    assert made["search_space"]["every"] == 2
    assert made["schedule"]["name"] == "my_schedules.halving"
    of = study("optimizer=sgd", "search_space.lr=0.1", *words)
    assert result(of)["curve"]["learning_rate"] == [0.1, 0.05]
    package.write_text(package.read_text() + "# edited\n")
    assert node(*words)["schedule"]["code"] != made["schedule"]["code"]
