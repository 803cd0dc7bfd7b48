"""Averages of the parameters: the closed forms, debiased; evaluated and put back to the bit."""

import numpy as np
import pytest
import torch
from torch import nn

from harness.training.averaging import Averages

STEPS = 20


class Moving:
    """A model of one parameter that a test moves, with its averages."""

    def __init__(self, settings, steps=STEPS):
        self.model = nn.Linear(3, 2).double()
        self.averages = Averages(settings, self.model, steps)
        self.path = np.random.default_rng(0).normal(size=(steps, 2, 3))

    def run(self, first, last):
        for theta in self.path[first:last]:
            with torch.no_grad():
                self.model.weight.copy_(torch.from_numpy(theta))
            self.averages.update()

    def seen(self, kind):
        with self.averages.holding(kind):
            return self.model.weight.detach().numpy().copy()


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("steps", [1, 5, STEPS])
def test_the_exponential_average_has_weights_that_sum_to_one(decay, steps):
    moving = Moving({"exponential": decay})
    moving.run(0, steps)
    weights = decay ** np.arange(steps)[::-1] * (1.0 - decay if decay else 1.0)
    expected = np.tensordot(weights / weights.sum(), moving.path[:steps], 1)
    np.testing.assert_allclose(moving.seen("exponential"), expected, rtol=1e-9)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("steps", [1, 11, STEPS])
def test_the_mean_is_of_the_iterates_since_it_began(share, steps):
    moving = Moving({"polyak": share})
    moving.run(0, steps)
    began = int(share * STEPS)
    since = moving.path[began:steps] if steps > began else moving.path[steps - 1 : steps]
    np.testing.assert_allclose(moving.seen("polyak"), since.mean(0), rtol=1e-9)


def test_on_a_noisy_quadratic_the_mean_of_iterates_is_nearer_than_the_last():
    """Polyak and Juditsky: of SGD with a constant step the mean's variance falls as 1/t."""
    random = torch.Generator().manual_seed(0)
    model = nn.Linear(200, 1, bias=False)
    averages = Averages({"polyak": 0.25}, model, 2000)
    with torch.no_grad():
        model.weight.fill_(1.0)
        for _ in range(2000):
            noise = torch.randn(1, 200, generator=random)
            model.weight.sub_(0.1 * (model.weight + noise))
            averages.update()
    last = model.weight.square().mean()
    with averages.holding("polyak"):
        assert model.weight.square().mean() < last / 20  # 0.1/2 to about 1/1500


def test_training_goes_on_from_the_same_bits_and_a_state_is_taken_up():
    moving, resumed = (Moving({"exponential": 0.9, "polyak": 0.1}) for _ in range(2))
    moving.run(0, 7)
    before = moving.model.weight.detach().clone()
    first = moving.seen("exponential")
    assert torch.equal(moving.model.weight, before)
    assert not np.array_equal(first, before.numpy())
    resumed.averages.load_state_dict(moving.averages.state_dict())
    for each in (moving, resumed):
        each.run(7, STEPS)
    for kind in ("exponential", "polyak"):
        assert np.array_equal(moving.seen(kind), resumed.seen(kind))


def test_running_statistics_are_averaged_and_a_constant_is_left_alone():
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2))
    model.register_buffer("matrix", torch.ones(3))
    averages = Averages({"polyak": 0.0}, model, 4)
    for mean in (1.0, 3.0):
        model[0].running_mean.fill_(mean)
        averages.update()
    with averages.holding("polyak"):
        assert model[0].running_mean.tolist() == [2.0, 2.0]
    assert model[0].running_mean.tolist() == [3.0, 3.0]
    assert len(averages.followed) == 6
