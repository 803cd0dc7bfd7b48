"""What is done to a gradient before the rule sees it."""

import pytest
import torch

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


@pytest.mark.parametrize("hyperparameters", [{}, {"l2": 0.0}, {"lr": 0.1}])
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
    assert list(TRANSFORMS) == ["l2", "smoothing"]  # applied in this order
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
    assert gradient.HYPERPARAMETERS == ("l2",)
