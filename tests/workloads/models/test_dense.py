import math

import pytest
import torch
import torch.nn.functional as F

from workloads.models.dense import logistic_regression, mlp

MODELS = {
    "mlp": (lambda: mlp(64, 32, 10), 64 * 32 + 32 + 32 * 10 + 10),
    "logistic regression": (lambda: logistic_regression(64, 10), 650),
}


@pytest.mark.parametrize("name", MODELS)
def test_parameter_count(name):
    build, parameters = MODELS[name]
    assert sum(p.numel() for p in build().parameters()) == parameters


@pytest.mark.parametrize("name", MODELS)
def test_gradient(name, assert_gradient_agrees):
    torch.manual_seed(0)
    model = MODELS[name][0]().double()
    inputs, labels = torch.randn(8, 1, 8, 8, dtype=torch.float64), torch.arange(8)
    assert_gradient_agrees(model, lambda: F.cross_entropy(model(inputs), labels))


@pytest.mark.parametrize("name", MODELS)
def test_the_initial_loss_is_that_of_guessing(name):
    torch.manual_seed(0)
    loss = F.cross_entropy(MODELS[name][0]()(torch.randn(64, 1, 8, 8)), torch.randint(10, (64,)))
    assert loss.item() == pytest.approx(math.log(10), abs=0.05)


def test_hidden_weights_are_he_normal_and_biases_zero():
    torch.manual_seed(0)
    model = mlp(64, 1000, 10)
    hidden, output = model[1], model[3]
    assert hidden.weight.std().item() == pytest.approx(math.sqrt(2 / 64), rel=0.02)
    assert output.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert not hidden.bias.any()
    assert not output.bias.any()


@pytest.mark.parametrize("name", MODELS)
def test_overfitting_twenty_examples(name, overfitted):
    torch.manual_seed(0)
    assert overfitted(MODELS[name][0](), (1, 8, 8), lr=0.05, steps=200, below=0.01)
