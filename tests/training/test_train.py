"""The training of one trial: what changes a result, and what does not."""

import copy
import math

import pytest
import torch

from harness.training.train import Stopped, Training
from tests.studies import study, task

TINY = ("workload.steps=12", "workload.eval_every=4", "model.width=4")
SGD = ("optimizer=sgd", "search_space.lr=0.1", *TINY)


def training(*words, trial=0):
    of = study(*words)
    return Training(of.config, of.point(trial), of.seeds(trial), task(of), "cpu")


def trained(*words, trial=0):
    """A training that has come to its end, and what of it goes into the record as `final`."""
    made = training(*words, trial=trial)
    made.final = made.results(made.run(lambda: False))
    return made


def vector(made):
    return torch.cat([p.detach().flatten() for p in made.model.parameters()])


def test_the_curve_has_a_row_an_evaluation():
    made = trained(*SGD)
    assert made.final["status"] == "complete"
    assert made.curve["step"] == [4, 8, 12]
    assert made.curve["test_error"][:2] == [None, None]  # test_every=0: at the last step only
    assert made.final["steps"] == 12
    assert made.final["test_error"] == made.curve["test_error"][-1] is not None
    assert made.final["val_error"] == made.curve["val_error"][-1]


def test_test_errors_come_as_often_as_asked():
    curve = trained(*SGD, "workload.test_every=8").curve
    assert [value is not None for value in curve["test_error"]] == [False, True, True]


def test_evaluating_changes_nothing_that_is_trained():
    often, seldom = (trained(*SGD, f"workload.eval_every={every}") for every in (2, 12))
    assert torch.equal(vector(often), vector(seldom))
    assert often.final["val_loss"] == seldom.final["val_loss"]


def test_the_training_loss_is_the_mean_since_the_last_evaluation():
    coarse, fine = (trained(*SGD, f"workload.eval_every={every}").curve for every in (4, 2))
    pairs = zip(fine["train_loss"][::2], fine["train_loss"][1::2], strict=True)
    assert coarse["train_loss"] == pytest.approx([sum(pair) / 2 for pair in pairs])


def test_a_loss_that_is_not_finite_ends_it_without_final_values():
    made = trained("optimizer=sgd", "search_space.lr=1e30", *TINY)
    assert made.final["status"] == "diverged"
    assert 0 < made.final["steps"] < 12
    assert made.final["val_error"] is None


def test_weights_that_overflow_at_the_last_step_are_seen_too():
    """No loss of a minibatch tells of them: the last evaluation does."""
    made = trained("optimizer=sgd", "search_space.lr=1e38", *TINY, "workload.steps=1",
                   "workload.eval_every=1")  # fmt: skip
    assert (made.final["status"], made.final["steps"]) == ("diverged", 1)


def test_it_learns():
    """Ten classes: chance is 90 % wrong. A reasonable setting gets under half of that in 60 steps."""
    made = trained(*SGD, "workload.steps=60", "model.width=16")
    assert made.final["val_error"] < 0.45
    assert made.curve["train_loss"][0] > made.final["train_loss"]
    assert made.curve["train_loss"][0] < 1.5 * math.log(10)


def test_l2_of_a_search_space_reaches_the_gradient():
    """One step of SGD with l2 = λ differs from one without by lr·λ·θ0."""
    plain, decayed = training(*SGD), training(*SGD, "+search_space.l2=0.3")
    start = vector(plain)
    assert torch.equal(start, vector(decayed))
    for each in (plain, decayed):
        each.train_one_step()
    moved = vector(plain) - vector(decayed)
    torch.testing.assert_close(moved, 0.1 * 0.3 * start, rtol=1e-3, atol=1e-6)


def test_the_schedule_of_the_study_is_followed():
    axes = ("schedule.decay_steps_factor=0.5", "schedule.end_factor=0.1")
    curve = trained(*SGD, *axes).curve
    assert curve["learning_rate"] == pytest.approx([0.1 * (1 - 0.9 * 3 / 6), 0.01, 0.01])
    assert trained(*SGD, "schedule=constant").curve["learning_rate"] == [0.1] * 3


def test_bfloat16_is_another_study_and_trains_too():
    low, full = (*SGD, "precision=bfloat16"), SGD
    assert study(*low).fingerprint != study(*full).fingerprint
    a, b = trained(*low), trained(*full)
    assert a.final["status"] == "complete"
    assert a.final["train_loss"] != b.final["train_loss"]
    assert a.final["train_loss"] == pytest.approx(b.final["train_loss"], rel=0.05)


def test_a_torch_optimizer_trains_on_the_same_trainer():
    assert trained("optimizer=adamw", *TINY).final["status"] == "complete"


def test_a_trial_that_is_told_to_stop_stops_at_the_next_step():
    made, steps = training(*SGD), iter(range(99))
    with pytest.raises(Stopped):
        made.run(lambda: next(steps) == 7)
    assert made.step == 7


def test_seeds_decide_the_weights_and_the_data():
    one, again, other = (trained(*SGD, trial=trial) for trial in (0, 0, 1))
    assert torch.equal(vector(one), vector(again))
    assert not torch.equal(vector(one), vector(other))


@pytest.mark.parametrize("rule", ["adam", "torch.optim.AdamW"])
def test_its_state_names_every_part(rule):
    words = ("optimizer=adamw", f"optimizer.rule={rule}", "~search_space.weight_decay", *TINY)
    made = training(*words)
    made.train_one_step()
    state = made.state()
    assert set(state["parameters"]) == {name for name, _ in made.model.named_parameters()}
    assert set(state["chain"]) == {"gradient", "optimizer", "averaging"}
    if rule == "adam":
        assert list(state["chain"]["optimizer"]["state"]) == ["m", "v"]
    other = training(*words)
    other.restore(copy.deepcopy(state))  # as from disk
    for each in (made, other):
        each.train_one_step()
    assert torch.equal(vector(made), vector(other))
