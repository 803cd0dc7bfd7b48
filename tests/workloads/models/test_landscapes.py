"""The functions of two numbers: minima, saddles, curvatures, and the point that is moved."""

import itertools

import numpy as np
import pytest
import torch

from workloads.landscape import FUNCTIONS, load
from workloads.models.landscapes import CONDITION, LANDSCAPES, Point
from workloads.task import DataError

EACH = pytest.mark.parametrize("landscape", LANDSCAPES.values(), ids=LANDSCAPES)


def hessian(landscape, at):
    return torch.autograd.functional.hessian(
        lambda theta: landscape.value(*theta), torch.tensor(at, dtype=torch.float64)
    ).numpy()


def gradient(landscape, at):
    theta = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(landscape.value(*theta), theta)
    return found.numpy()


@EACH
def test_minima_are_zero_and_lie_in_view(landscape):
    left, right, bottom, top = landscape.view
    for x, y in landscape.minima:
        assert landscape.value(x, y) == pytest.approx(0, abs=1e-9)
        assert np.linalg.eigvalsh(hessian(landscape, (x, y))).min() > 0
        assert np.abs(gradient(landscape, (x, y))).max() < 1e-4
        assert left < x < right
        assert bottom < y < top


@EACH
def test_nothing_in_view_lies_below_the_minima(landscape):
    x, y = np.meshgrid(np.linspace(*landscape.view[:2], 301), np.linspace(*landscape.view[2:], 301))
    assert landscape.value(x, y).min() >= 0


def test_the_saddle_is_one():
    landscape = LANDSCAPES["saddle"]
    assert gradient(landscape, landscape.saddle) == pytest.approx([0, 0])
    assert np.linalg.eigvalsh(hessian(landscape, landscape.saddle)) == pytest.approx([-1, 1])


def test_the_ravine_has_its_condition_number_and_lies_along_no_axis():
    curvature = hessian(LANDSCAPES["ravine"], (0.3, -0.2))
    assert np.linalg.cond(curvature) == pytest.approx(CONDITION)
    assert abs(curvature[0, 1]) > 40


def test_himmelblau_has_a_maximum_that_newtons_method_finds():
    landscape = LANDSCAPES["himmelblau"]
    at = (-0.270845, -0.923039)
    assert np.abs(gradient(landscape, at)).max() < 1e-3
    assert np.linalg.eigvalsh(hessian(landscape, at)).max() < 0


def test_a_start_is_perturbed_by_the_global_generator_alone():
    def start(perturbation, seed):
        torch.manual_seed(seed)
        return Point(LANDSCAPES["saddle"], (1.0, 0.0), perturbation).theta.detach().numpy()

    assert start(0.0, 0).tolist() == [1.0, 0.0]
    assert start(0.1, 0).tolist() == start(0.1, 0).tolist() != start(0.1, 1).tolist()
    drawn = np.stack([start(0.1, seed) for seed in range(400)]) - [1.0, 0.0]
    assert drawn.std() == pytest.approx(0.1, rel=0.1)


def test_the_listed_functions_are_those_there():
    assert list(LANDSCAPES) == list(FUNCTIONS)


@pytest.mark.parametrize(
    ("data", "model", "says"),
    [
        ({"function": "bale"}, {}, r"data\.function must be one of beale, saddle, .*not 'bale'"),
        ({}, {"start": [1.0]}, r"model\.start must be two numbers, such as \[1.0, -2.0\], not"),
        ({}, {"start": [1.0, float("nan")]}, r"model\.start must be two numbers"),
        ({}, {"perturbation": -1}, r"model\.perturbation must be a number of at least 0, not -1"),
    ],
)
def test_mistakes_are_one_line(data, model, says):
    with pytest.raises(DataError, match=says):
        load({"function": "beale", **data}, {"start": [1, 2], "perturbation": 0, **model}, 1, "cpu")


def test_pairs_of_functions_are_different_data():
    digests = [
        load({"function": f}, {"start": [1, 2], "perturbation": 0}, 1, "cpu").data_description
        for f in FUNCTIONS
    ]
    for one, other in itertools.combinations(digests, 2):
        assert one["sha256"] != other["sha256"]
