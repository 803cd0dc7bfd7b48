"""Optimizers with train() and eval(): what is evaluated is theirs to say, what is trained stays to the bit."""

import pytest
import torch

from tests.training.made_up import difference_after_a_step, resumed, trained, training, vector

SELF = "tests.training.test_modes"
POINT = {"lr": 0.5}
BY_GROUP = {
    "groups": {
        "kernels": {"rule": f"{SELF}.Averaging", "where": {"ndim": 2}},
        "rest": {"rule": "sgd", "where": "rest"},
    }
}


class Averaging(torch.optim.Optimizer):
    """SGD whose evaluation sees the average of all parameters so far, back from it by arithmetic."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr, "k": 0, "training": False})

    def _move(self, sign):
        for group in self.param_groups:
            for p in group["params"]:
                if "mean" in self.state[p]:  # p + (mean - p), and back: inexact
                    p.data.add_(self.state[p]["gap"], alpha=sign)
            group["training"] = sign < 0

    def eval(self):
        self._move(1.0)

    def train(self):
        self._move(-1.0)

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            assert group["training"], "step() in eval mode"
            group["k"] += 1
            for p in group["params"]:
                p.sub_(p.grad, alpha=group["lr"])
                mean = self.state[p].setdefault("mean", p.clone())
                mean.lerp_(p, 1 / group["k"])
                self.state[p]["gap"] = mean - p


def test_training_begins_in_train_mode_and_evaluation_sees_eval_mode():
    made = training({"rule": f"{SELF}.Averaging"}, POINT)
    optimizer = made.chain.optimizer.optimizer
    seen = []
    for _ in range(5):
        made.train_one_step()
        seen.append(vector(made))
    with made.chain.evaluated():
        assert not optimizer.param_groups[0]["training"]
        torch.testing.assert_close(vector(made), torch.stack(seen).mean(0), rtol=1e-4, atol=1e-6)
    assert optimizer.param_groups[0]["training"]


@pytest.mark.parametrize(
    ("node", "point"),
    [({"rule": f"{SELF}.Averaging"}, POINT), (BY_GROUP, {"kernels.lr": 0.5, "rest.lr": 0.5})],
    ids=["all", "by group"],
)
class TestBits:
    def test_evaluating_changes_nothing_that_is_trained(self, node, point):
        """mean and back is inexact: (p + gap) - gap is not p."""
        made = training(node, point)
        for _ in range(3):
            made.train_one_step()
            before = vector(made)
            with made.chain.evaluated():
                assert not torch.equal(vector(made), before) or made.step == 1
            assert torch.equal(vector(made), before)

    def test_an_evaluation_that_fails_leaves_it_too(self, node, point):
        made = training(node, point)
        for _ in range(3):
            made.train_one_step()
        before = vector(made)
        with pytest.raises(RuntimeError, match="evaluation"), made.chain.evaluated():
            raise RuntimeError("evaluation")
        assert torch.equal(vector(made), before)
        assert made.train_one_step()

    def test_it_resumes_to_the_bit(self, node, point):
        whole, again = trained(node, point), resumed(node, point)
        assert torch.equal(vector(whole), vector(again))
        assert whole.final == again.final
        assert difference_after_a_step(node, point) is None


def test_what_is_evaluated_is_what_the_record_tells():
    plain, averaged = trained("sgd", POINT), trained({"rule": f"{SELF}.Averaging"}, POINT)
    assert torch.equal(vector(plain), vector(averaged))
    assert plain.curve["train_loss"] == averaged.curve["train_loss"]
    assert plain.curve["val_loss"] != averaged.curve["val_loss"]
