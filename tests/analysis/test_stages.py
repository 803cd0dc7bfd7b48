"""The second stage: one range of effective rates for all, the rest by refining's rule, inclusions kept."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from harness.analysis.reading import read_results
from harness.analysis.refining import JOINT, MARGINAL
from harness.analysis.stages import second_stage
from harness.errors import ConfigError
from harness.study.conventional import first_stage
from harness.study.inclusions import EDGES, gaps
from harness.study.parametrisation import SCHEDULE_AXES
from harness.study.result import PRUNED
from harness.study.space import parse
from harness.training.rules import RULES
from tests.analysis.conftest import made_up_study, write_study

RESULTS = Path(__file__).parents[2] / "results"
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

    def make(rule=JOINT, **optimizers):
        axes = {}
        for name, keywords in optimizers.items():
            space = {axis: each.node for axis, each in space_of(name).items()}
            study = made_up_study(
                name, search_space={**space, "end_factor": 0.1}, gradient_scale=0.02
            )
            write_study(tmp_path, study, errors(study, **keywords))
            axes[name] = list(space)
        trials, _, studies = read_results(tmp_path)
        return {each.optimizer: each for each in second_stage(trials, studies, axes, rule=rule)}

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


def with_inclusions(stages, rule):
    found = stages(
        rule=rule,
        sgd={}, momentum={"one_minus_momentum": 0.01}, nesterov={"one_minus_momentum": 0.01},
        rmsprop={"eps": 1e-8}, adam={"eps": 1e-8, "one_minus_beta1": 0.5}, nadam={"eps": 1e-8},
    )  # fmt: skip
    for edge in EDGES:
        assert gaps(edge, found[edge.special].space, found[edge.general].space) == []
    assert found["momentum"].space["one_minus_momentum"].high == 1.0
    assert found["adam"].space["eps"].high >= 1.0
    return found


def test_what_an_inclusion_needs_is_not_cut_off(stages):
    found = with_inclusions(stages, JOINT)
    assert found["momentum"].space["one_minus_momentum"].low > 1e-3  # the other end is
    assert "widened" not in found["momentum"].reasons["one_minus_momentum"]


def test_by_the_rule_for_each_axis_it_is_widened_and_said(stages):
    found = with_inclusions(stages, MARGINAL)
    assert "widened to hold sgd (momentum = 0)" in found["momentum"].reasons["one_minus_momentum"]
    assert found["adam"].space["eps"].high == 1.0


@pytest.mark.parametrize("name", ["digits_stages", "python_docs_stages"])
def test_the_committed_spaces_are_found_again_by_the_rule_that_found_them(name):
    first = {path.name for path in (RESULTS / name / "stage1").glob("*/*/*")}
    trials, _, studies = read_results(RESULTS / name / "trials.csv", all_studies=True)
    trials = trials[trials["study"].isin(first)]
    axes = {
        studies[each].optimizer: [axis for axis in studies[each].space if axis not in SCHEDULE_AXES]
        for each in first
    }
    (folder,) = (RESULTS / name / "conf" / "search_space").iterdir()
    for each in second_stage(trials, studies, axes, rule=MARGINAL):
        kept = parse(yaml.safe_load((folder / f"{each.optimizer}.yaml").read_text("utf-8")))
        assert [axis.ends for axis in each.space.values()] == [axis.ends for axis in kept.values()]


def test_few_feasible_trials_are_refused(tmp_path):
    study = made_up_study("sgd", search_space={RATE: {"low": 0.1, "high": 1.0}})
    write_study(tmp_path, study, [0.1] * 12 + [np.inf] * 9)
    trials, _, studies = read_results(tmp_path)
    with pytest.raises(
        ConfigError, match=r"sgd has 12 feasible trials of 21 .* larger num_trials="
    ):
        second_stage(trials, studies, {"sgd": [RATE]})


@pytest.mark.parametrize("rule", [JOINT, MARGINAL])
def test_pruned_trials_are_the_worst(tmp_path, rule):
    """The better half was trained whole. Each axis by itself rests on the best quarter, so nothing moves."""
    best = 3e-2
    space = {axis: each.node for axis, each in space_of("momentum").items()}
    study = made_up_study("momentum", search_space=space, gradient_scale=0.02)
    write_study(tmp_path, study, errors(study, one_minus_momentum=best))
    trials, _, studies = read_results(tmp_path)
    worse = trials["val_error"] > trials["val_error"].median()
    half = trials.assign(
        status=trials["status"].mask(worse, PRUNED), val_error=trials["val_error"].where(~worse)
    )
    (whole,) = second_stage(trials, studies, {"momentum": list(space)}, rule=rule)
    (pruned,) = second_stage(half, studies, {"momentum": list(space)}, rule=rule)
    assert (pruned.space == whole.space) or rule == JOINT
    for found in (whole, pruned):
        low, high = found.space["one_minus_momentum"].ends
        assert 1e-3 < low < best < high < 1.0
    assert (whole.pruned_trials, pruned.pruned_trials) == (0, TRIALS // 2)
    assert pruned.feasible_trials == whole.feasible_trials


def test_another_rule_is_refused(stages):
    with pytest.raises(ConfigError, match="rule 'mean' is not one of: joint, marginal"):
        stages(rule="mean", sgd={})
