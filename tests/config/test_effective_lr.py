"""An effective_lr axis in a configuration: it brings the gradient scale into the study, and nothing else does."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from harness.errors import ConfigError
from harness.study.space import Range, parse
from tests.studies import record, study

CHECKOUT = Path(__file__).parents[2]
TINY = ("workload.steps=10", "workload.eval_every=10", "model.width=2")
EFFECTIVE = "search_space=digits_cnn/momentum"
STAGED = {"digits_cnn": "digits_stages", "python_docs_lstm": "python_docs_stages"}


def test_the_scale_is_part_of_a_study_that_needs_it_alone():
    plain = study("optimizer=momentum", "search_space=digits_cnn/paper/momentum", *TINY)
    assert "gradient_scale" not in plain.config
    assert "gradient_scale" not in plain.config["workload"]
    other = study("optimizer=momentum", "search_space=digits_cnn/paper/momentum",
                  "workload.gradient_scale=1", *TINY)  # fmt: skip
    assert other.fingerprint == plain.fingerprint

    needs = study("optimizer=momentum", EFFECTIVE, *TINY)
    assert needs.config["gradient_scale"] == 2.8e-2
    assert "gradient_scale" not in needs.config["workload"]
    assert study(
        "optimizer=momentum", EFFECTIVE, "workload.gradient_scale=1", *TINY
    ).fingerprint != (needs.fingerprint)


@pytest.mark.parametrize("scale", ["null", "0", "-1"])
def test_without_a_scale_it_is_refused(scale):
    with pytest.raises(
        ConfigError, match=r"effective_lr axis needs workload\.gradient_scale, .* harness stages"
    ):
        study("optimizer=momentum", EFFECTIVE, f"workload.gradient_scale={scale}", *TINY)


def test_lr_and_its_effective_rate_are_one_hyperparameter():
    with pytest.raises(ConfigError, match="search_space sets lr twice, by effective_lr and lr"):
        study("optimizer=momentum", EFFECTIVE, "+search_space.lr=0.1", *TINY)


def test_a_class_without_a_rate_is_refused_before_anything_runs():
    from harness.running import checks

    words = (
        "optimizer=momentum",
        EFFECTIVE,
        "optimizer.name=mine",
        "optimizer.rule=torch.optim.Rprop",
        "schedule=constant",
    )
    with pytest.raises(
        ConfigError, match=r"torch\.optim\.Rprop makes steps that are not proportional"
    ):
        checks.check_optimizers([study(*words, "~search_space.one_minus_momentum")])


def test_a_record_keeps_the_point_and_the_rate_it_was_solved_to():
    of = study(
        "optimizer=momentum", "search_space=digits_cnn/momentum",
        "search_space.one_minus_momentum=1.0", *TINY,
    )  # fmt: skip
    made = record(of)
    assert made["status"] == "complete"
    assert made["point"]["effective_lr"] == of.point(0)["effective_lr"]
    assert "effective_lr" not in made["hyperparameters"]
    # Without momentum it is SGD, whose effective rate is its learning rate.
    assert made["hyperparameters"]["lr"] == pytest.approx(made["point"]["effective_lr"])


@pytest.mark.parametrize("workload", STAGED)
def test_the_shipped_spaces_are_those_that_the_stages_found(workload):
    found = CHECKOUT / "results" / STAGED[workload] / "conf" / "search_space" / workload
    files = sorted(found.glob("*.yaml"))
    assert len(files) >= 6
    for path in files:
        shipped = CHECKOUT / "conf" / "search_space" / workload / path.name
        assert shipped.read_text() == path.read_text()


@pytest.mark.parametrize("workload", STAGED)
def test_one_range_of_effective_rates_for_all(workload):
    ranges = set()
    for path in (CHECKOUT / "results" / STAGED[workload] / "conf" / "search_space" / workload).glob(
        "*.yaml"
    ):
        space = parse(OmegaConf.to_container(OmegaConf.load(path)))
        axis = space.get("effective_lr") or space["lr"]  # SGD's is its learning rate
        assert isinstance(axis, Range)
        ranges.add(axis.ends)
    assert len(ranges) == 1


def test_every_workload_has_a_scale():
    """But for one whose data nobody here had."""
    for path in (CHECKOUT / "conf" / "workload").glob("*.yaml"):
        if path.stem != "imagenet_resnet50":
            assert OmegaConf.load(path).workload.gradient_scale > 0, path.stem
