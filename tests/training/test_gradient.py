"""What is done to a gradient before the rule sees it."""

import math

import numpy as np
import pytest
import torch

from harness.errors import ConfigError
from harness.training import gradient
from harness.training.gradient import TRANSFORMS, Transforms, transform


def tensors():
    random = torch.Generator().manual_seed(0)
    return [torch.randn(3, 2, generator=random), torch.randn(4, generator=random)]


def test_l2_adds_the_gradient_of_half_the_squared_norm():
    gradients, values = tensors(), [each.requires_grad_() for each in tensors()]
    loss = 0.3 * sum(each.square().sum() for each in values) / 2
    penalty = torch.autograd.grad(loss, values)
    got = Transforms({"l2": 0.3})(gradients, [each.detach() for each in values], 1)
    for mine, g, added in zip(got, gradients, penalty, strict=True):
        torch.testing.assert_close(mine, g + added)


def test_gradients_are_not_changed_in_place():
    gradients = tensors()
    Transforms({"l2": 0.3})(gradients, tensors(), 1)
    assert all(torch.equal(a, b) for a, b in zip(gradients, tensors(), strict=True))


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {},
        {"l2": 0.0},
        {"lr": 0.1},
        {"noise_eta": 0.0, "noise_gamma": 0.6},
        {"clip_norm": math.inf},
    ],
)
def test_what_does_nothing_costs_nothing(hyperparameters):
    given = tensors()
    transforms = Transforms(hyperparameters)
    assert transforms(given, tensors(), 1) is given
    assert transforms.state_dict() == {}


@pytest.fixture
def smoothing(monkeypatch):
    """A transform with a state of its own, entered for one test."""
    monkeypatch.setitem(TRANSFORMS, "smoothing", None)  # to be taken out again

    @transform(idle={"keep": 0.0}, mean=None)
    def smoothing(gradients, values, mean, t, *, keep):
        mean = [
            keep * m + (1 - keep) * g for m, g in zip(mean or gradients, gradients, strict=True)
        ]
        return mean, mean


def test_state_is_kept_by_name_and_goes_on_where_it_was_saved(smoothing):
    assert [*TRANSFORMS][0 :: len(TRANSFORMS) - 1] == ["l2", "smoothing"]  # applied in this order
    whole, first = (Transforms({"keep": 0.5, "l2": 0.1}) for _ in range(2))
    assert list(whole.state_dict()) == ["l2", "smoothing"]
    steps = [whole(tensors(), tensors(), t) for t in (1, 2, 3)]
    first(tensors(), tensors(), 1)
    second = Transforms({"keep": 0.5, "l2": 0.1})
    second.load_state_dict(first.state_dict())
    assert list(second.state_dict()["smoothing"]) == ["mean"]
    for t in (2, 3):
        got = second(tensors(), tensors(), t)
        assert all(torch.equal(a, b) for a, b in zip(got, steps[t - 1], strict=True))


def test_a_state_that_lacks_a_transform_is_no_state_of_this_chain(smoothing):
    with pytest.raises(KeyError, match="smoothing"):
        Transforms({"keep": 0.5}).load_state_dict({"l2": {}})


def test_the_hyperparameters_of_all_transforms_are_known_by_name():
    assert set(gradient.HYPERPARAMETERS) >= {"l2", "clip_norm", "clip_value", "noise_eta"}


# --- clipping -------------------------------------------------------------------------------------


def length(gradients):
    return math.sqrt(sum(float(g.double().square().sum()) for g in gradients))


def test_clipping_by_norm_is_torchs_over_all_parameters():
    parameters = [torch.nn.Parameter(each) for each in tensors()]
    for parameter, g in zip(parameters, tensors(), strict=True):
        parameter.grad = g.clone()
    torch.nn.utils.clip_grad_norm_(parameters, 0.7)
    got = Transforms({"clip_norm": 0.7})(tensors(), tensors(), 1)
    assert length(got) == pytest.approx(0.7)
    for mine, parameter in zip(got, parameters, strict=True):
        torch.testing.assert_close(mine, parameter.grad, rtol=1e-5, atol=0)


def test_a_gradient_within_the_norm_keeps_its_bits_and_none_is_no_division_by_zero():
    got = Transforms({"clip_norm": 1e3})(tensors(), tensors(), 1)
    assert all(torch.equal(a, b) for a, b in zip(got, tensors(), strict=True))
    nothing = [torch.zeros(3)]
    assert torch.equal(Transforms({"clip_norm": 1.0})(nothing, nothing, 1)[0], nothing[0])


def test_clipping_by_value_takes_each_component():
    (got,) = Transforms({"clip_value": 0.5})([torch.tensor([-2.0, 0.25, 3.0])], [], 1)
    assert got.tolist() == [-0.5, 0.25, 0.5]


# --- noise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("eta", "gamma", "t"), [(0.3, 0.55, 1), (1.0, 0.55, 40), (0.01, 2.0, 7)])
def test_the_noise_has_the_papers_variance(eta, gamma, t):
    """sigma^2 = eta / (1 + t)^gamma with t from 0: of 200,000 draws within 5 standard errors."""
    zeros = [torch.zeros(200_000)]
    (drawn,) = Transforms({"noise_eta": eta, "noise_gamma": gamma}, seed=1)(zeros, zeros, t)
    variance = eta / (1 + (t - 1)) ** gamma
    assert float(drawn.var()) == pytest.approx(variance, rel=5 * math.sqrt(2 / 200_000))
    assert abs(float(drawn.mean())) < 5 * math.sqrt(variance / 200_000)


def test_the_noise_is_of_the_trial_and_the_step_alone():
    zeros = [torch.zeros(50), torch.zeros(3, 2)]

    def drawn(seed, t):
        return torch.cat(
            [g.flatten() for g in Transforms({"noise_eta": 1.0}, seed)(zeros, zeros, t)]
        )

    before = torch.get_rng_state()
    assert torch.equal(drawn(1, 5), drawn(1, 5))
    assert torch.equal(before, torch.get_rng_state())  # dropout's numbers stay what they were
    others = [drawn(1, 6) * math.sqrt(6 / 5) ** 0.55, drawn(2, 5)]
    assert all(abs(np.corrcoef(drawn(1, 5), other)[0, 1]) < 0.5 for other in others)
    assert not torch.equal(drawn(1, 5)[:6], drawn(1, 5)[50:])  # each tensor has its own


def test_noise_is_added_after_clipping():
    both = Transforms({"noise_eta": 1.0, "clip_norm": 1e-6})([torch.ones(10_000)], [], 1)
    assert float(both[0].std()) == pytest.approx(1.0, rel=0.05)


def test_a_gamma_without_an_eta_says_what_is_lacking():
    gradient.check(["lr", "noise_eta", "noise_gamma"])
    with pytest.raises(ConfigError, match="noise_gamma says nothing without noise_eta; add search"):
        gradient.check(["lr", "noise_gamma"])
