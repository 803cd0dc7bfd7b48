"""The second stage: one range of effective rates for all, the rest by refining's rule, inclusions kept."""

import numpy as np
import pytest

from harness.analysis.reading import read_results
from harness.analysis.stages import second_stage
from harness.errors import ConfigError
from harness.study.conventional import first_stage
from harness.study.inclusions import EDGES, gaps
from harness.study.result import PRUNED
from harness.training.rules import RULES
from tests.analysis.conftest import made_up_study, write_study

RATE = "effective_lr"
TRIALS = 64


def space_of(rule):
    return first_stage(RULES[rule].hyperparameters).space


def errors(study, best=0.5, **others):
    """Best at this effective rate and these values of other axes; steeper the rate."""
    points = [study.point(trial) for trial in range(TRIALS)]
    away = [
        (np.log10(point[RATE]) - np.log10(best)) ** 2
        + sum(20 * (np.log10(point[name]) - np.log10(value)) ** 2 for name, value in others.items())
        for point in points
    ]
    return 0.05 + 0.1 * np.array(away)


@pytest.fixture
def stages(tmp_path):
    """stages(optimizer=errors' keywords, …): the second stage of made-up first ones."""

    def make(**optimizers):
        axes = {}
        for name, keywords in optimizers.items():
            space = {axis: each.node for axis, each in space_of(name).items()}
            study = made_up_study(
                name, search_space={**space, "end_factor": 0.1}, gradient_scale=0.02
            )
            write_study(tmp_path, study, errors(study, **keywords))
            axes[name] = list(space)
        trials, _, studies = read_results(tmp_path)
        return {each.optimizer: each for each in second_stage(trials, studies, axes)}

    return make


def test_one_range_of_effective_rates_for_all(stages):
    found = stages(sgd={"best": 0.1}, momentum={"best": 1.0}, adam={"best": 3.0})
    ranges = {each.space[RATE].ends for each in found.values()}
    assert len(ranges) == 1
    (low, high) = ranges.pop()
    assert 1e-3 < low <= 0.1
    assert 3.0 <= high < 1e3
    assert (
        "one range for all of sgd, momentum, adam; was [0.001, 1000]" in found["sgd"].reasons[RATE]
    )


def test_the_other_axes_are_narrowed_each_to_its_own_trials(stages):
    found = stages(adam={"one_minus_beta2": 1e-3}, nadam={"one_minus_beta2": 0.3})
    adam, nadam = (found[name].space["one_minus_beta2"] for name in ("adam", "nadam"))
    assert adam.low < 1e-3 < adam.high < nadam.high
    assert found["adam"].reasons["one_minus_beta2"].startswith("was [0.0001, 1]")


def test_the_schedule_stays_the_schedules(stages):
    assert "end_factor" not in stages(sgd={})["sgd"].space


def test_what_an_inclusion_needs_is_widened_and_said(stages):
    found = stages(
        sgd={}, momentum={"one_minus_momentum": 0.01}, nesterov={"one_minus_momentum": 0.01},
        rmsprop={"eps": 1e-8}, adam={"eps": 1e-8, "one_minus_beta1": 0.5}, nadam={"eps": 1e-8},
    )  # fmt: skip
    for edge in EDGES:
        assert gaps(edge, found[edge.special].space, found[edge.general].space) == []
    assert found["momentum"].space["one_minus_momentum"].high == 1.0
    assert "widened to hold sgd (momentum = 0)" in found["momentum"].reasons["one_minus_momentum"]
    assert found["adam"].space["eps"].high == 1.0


def test_few_feasible_trials_are_refused(tmp_path):
    study = made_up_study("sgd", search_space={RATE: {"low": 0.1, "high": 1.0}})
    write_study(tmp_path, study, [0.1] * 12 + [np.inf] * 9)
    trials, _, studies = read_results(tmp_path)
    with pytest.raises(
        ConfigError, match=r"sgd has 12 feasible trials of 21 .* larger num_trials="
    ):
        second_stage(trials, studies, {"sgd": [RATE]})


def test_pruned_trials_are_the_worst_and_leave_the_ranges_as_they_are(tmp_path):
    """The better half was trained whole: the ranges rest on the best quarter, so nothing moves."""
    space = {axis: each.node for axis, each in space_of("momentum").items()}
    study = made_up_study("momentum", search_space=space, gradient_scale=0.02)
    write_study(tmp_path, study, errors(study))
    trials, _, studies = read_results(tmp_path)
    worse = trials["val_error"] > trials["val_error"].median()
    half = trials.assign(
        status=trials["status"].mask(worse, PRUNED), val_error=trials["val_error"].where(~worse)
    )
    (whole,) = second_stage(trials, studies, {"momentum": list(space)})
    (pruned,) = second_stage(half, studies, {"momentum": list(space)})
    assert pruned.space == whole.space
    assert (whole.pruned_trials, pruned.pruned_trials) == (0, TRIALS // 2)
    assert pruned.feasible_trials == whole.feasible_trials
