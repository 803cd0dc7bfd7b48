"""All parameters of a model as views of one vector."""

import torch

from harness.training.flat import flatten
from tests.training.test_optimizers import small_model


def test_parameters_and_gradients_are_views_of_one_vector():
    model = small_model()
    before = model(torch.ones(1, 3, 4, 4))
    parameters = flatten(model.parameters())
    assert parameters.values.numel() == sum(p.numel() for p in model.parameters())
    torch.testing.assert_close(model(torch.ones(1, 3, 4, 4)), before)
    model(torch.ones(1, 3, 4, 4)).sum().backward()
    for parameter in model.parameters():
        inside = parameters.values.data_ptr() <= parameter.data_ptr()
        assert inside
        assert parameter.grad is not None
    assert parameters.gradients.abs().sum() > 0
    total = sum(p.grad.abs().sum() for p in model.parameters())
    torch.testing.assert_close(parameters.gradients.abs().sum(), total)
    parameters.values.zero_()
    assert all((p == 0).all() for p in model.parameters())


def test_channels_last_weights_keep_their_strides():
    model = small_model()
    strides = model[0].weight.stride()
    flatten(model.parameters())
    assert model[0].weight.stride() == strides
    assert model[0].weight.grad.stride() == strides


def test_frozen_parameters_stay_out():
    model = small_model()
    model[0].weight.requires_grad_(False)
    assert flatten(model.parameters()).values.numel() == sum(
        p.numel() for p in model.parameters() if p.requires_grad
    )
