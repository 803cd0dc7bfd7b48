"""What cannot run is said before the sweep, in one line: built on the real model, stepped once."""

import pytest
import torch

from harness.config import build
from harness.errors import ConfigError
from harness.training.chain import Chain
from tests.studies import jobs
from tests.training.made_up import vector
from tests.training.test_optimizers import small_model

SELF = "tests.training.test_rehearsal"
WORDS = (
    "optimizer=sgd",
    "optimizer.name=mine",
    "schedule=constant",
    "search_space.lr=0.1",
    "model.width=2",
)


class Demanding(torch.optim.SGD):
    """It wants a closure, and its signature does not say so."""

    def step(self, closure=None):
        if closure is None:
            raise RuntimeError("a closure is required")
        closure()
        super().step()


class Unevaluated(torch.optim.SGD):
    def train(self):
        pass

    def eval(self):
        raise RuntimeError("no average yet")


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("torch.optim.SparseAdam", r"does not support dense gradients"),
        ("torch.optim.Muon", r"only supports 2D parameters"),
        (
            f"{SELF}.Demanding",
            r"with lr=0.1: a closure is required; mend the class or its search space",
        ),
        (f"{SELF}.Unevaluated", r"no average yet"),
    ],
)
def test_what_cannot_be_built_or_stepped_is_refused_in_one_line(rule, says):
    with pytest.raises(ConfigError, match=says) as error:
        build.requests(jobs(*WORDS, f"optimizer.rule={rule}"))
    assert str(error.value).startswith(
        f"{rule} cannot be built and stepped on the model of digits_cnn"
    )
    assert "\n" not in str(error.value)


def test_what_is_told_to_evaluate_again_can():
    assert build.requests(
        jobs(*WORDS, f"optimizer.rule={SELF}.Demanding", "optimizer.closure=true")
    )


@pytest.mark.parametrize("rule", ["torch.optim.LBFGS", "torch.optim.AdamW", "sgd"])
def test_a_rehearsal_is_a_real_step(rule):
    model = small_model()
    before = vector(model)
    Chain(rule, "constant", model, {"lr": 0.1}, 10).rehearse()
    assert not torch.equal(vector(model), before)
    assert (vector(model) - 1).norm() < (before - 1).norm()
