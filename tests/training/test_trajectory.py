"""Trajectories are the trainer's own, step by step; rules keep the symmetry of a symmetric start."""

import numpy as np
import pytest

from harness.analysis.escape import of_gradient_descent, steps_to_leave
from harness.training.rules import RULES
from harness.training.train import Training
from harness.training.trajectory import REST, trajectory
from tests.training.made_up import SEEDS
from workloads.landscape import load

HYPERPARAMETERS = {
    "lr": 0.05, "momentum": 0.9, "rho": 0.9, "beta1": 0.9, "beta2": 0.99, "eps": 1e-4,
}  # fmt: skip


def config(optimizer, steps):
    return {
        "workload": {"steps": steps, "eval_every": 5, "test_every": 0},
        "optimizer": optimizer if isinstance(optimizer, dict) else {"rule": optimizer},
        "schedule": {"name": "constant"},
        "precision": "float32",
    }


def task(function="saddle", start=(1.0, 0.1)):
    return load({"function": function}, {"start": list(start), "perturbation": 0.0}, 1, "cpu")


def point(rule):
    return {name: HYPERPARAMETERS[name] for name in RULES[rule].hyperparameters}


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_it_ends_where_the_trial_ends_and_begins_where_it_begins(rule):
    path = trajectory(config(rule, 20), point(rule), SEEDS, task())
    assert path.shape == (21, 2)
    assert path[0].tolist() == [1.0, 0.1]
    trained = Training(config(rule, 20), point(rule), SEEDS, task(), "cpu")
    trained.run(lambda: False)
    assert path[-1].tolist() == trained.model.theta.tolist()


def test_it_shows_what_evaluation_sees():
    free = {"rule": "schedulefree.SGDScheduleFree"}
    pytest.importorskip("schedulefree")
    path = trajectory(config(free, 6), {"lr": 0.5, "momentum": 0.9}, SEEDS, task())
    trained = Training(config(free, 6), {"lr": 0.5, "momentum": 0.9}, SEEDS, task(), "cpu")
    trained.run(lambda: False)
    with trained.chain.evaluated():
        seen = trained.model.theta.tolist()
    assert path[-1].tolist() == seen != trained.model.theta.tolist()


def test_it_ends_early_when_told_when_at_rest_and_when_it_diverges():
    far = trajectory(config("sgd", 50), {"lr": 0.1}, SEEDS, task(), lambda at: abs(at[1]) > 0.2)
    assert 0.2 < abs(far[-1, 1]) < 0.25
    at_rest = trajectory(config("sgd", 50), {"lr": 0.1}, SEEDS, task(start=(0.0, 1.0)))
    assert len(at_rest) == REST + 1
    diverged = trajectory(config("sgd", 50), {"lr": 100.0}, SEEDS, task())
    assert len(diverged) < 20


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_leaves_a_saddle_from_its_ridge(rule):
    """An elementwise rule whose gradient is 0 stays at 0; a start beside the ridge it leaves."""
    on, beside = (
        trajectory(config(rule, 400), point(rule), SEEDS, task(start=(1.0, y))) for y in (0.0, 1e-2)
    )
    assert np.isnan(steps_to_leave(on))
    assert (on[:, 1] == 0).all()
    assert steps_to_leave(beside) < 400


@pytest.mark.parametrize("start", [1e-8, 1e-4])
def test_gradient_descent_leaves_when_the_mathematics_says(start):
    path = trajectory(config("sgd", 400), {"lr": 0.1}, SEEDS, task(start=(1.0, start)))
    # The quartic that bounds the saddle slows the last steps.
    assert steps_to_leave(path) == pytest.approx(of_gradient_descent(0.1, start), abs=4)


def test_newtons_method_is_drawn_to_the_saddle():
    newton = {"rule": "harness.training.newton.Newton"}
    path = trajectory(config(newton, 20), {"lr": 1.0, "damping": 0.0}, SEEDS, task())
    assert np.abs(path[-1]).max() < 1e-9


def test_the_shipped_lbfgs_searches_along_its_line():
    """With torch's own max_eval of 2 the search ends where it began, and nothing moves at all."""

    def ends(**arguments):
        node = {
            "rule": "torch.optim.LBFGS",
            "arguments": {"max_iter": 2, "line_search_fn": "strong_wolfe", **arguments},
        }
        of = task("himmelblau", (0.0, 0.0))
        path = trajectory(config(node, 20), {"lr": 1.0}, SEEDS, of)
        return of.landscape.value(*path[-1])

    assert ends() == 170
    assert ends(max_eval=25) < 1e-6
