"""Gradients and first weights layer by layer, on models whose answer is known."""

import numpy as np
import pytest
import torch
from torch import nn

from harness.checking import layers
from harness.checking.finding import LOOK, OK, WRONG
from harness.checking.loss import Loss
from harness.figures import workload_check
from workloads.models.dense import logistic_regression, mlp
from workloads.tasks.digits import digits_task


def loss(build):
    return Loss(digits_task(build, 32, "cpu"), "cpu")


def deep_sigmoids():
    hidden = [part for _ in range(8) for part in (nn.Linear(16, 16), nn.Sigmoid())]
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), *hidden, nn.Linear(16, 10))


class TwoParts(nn.Module):
    """Of which the loss depends on one; an embedding whose first row alone is used."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(64, 10), nn.Linear(64, 10)
        self.words = nn.Embedding(7, 10)

    def forward(self, x):
        return self.used(x.flatten(1)) + self.words(torch.zeros(len(x), dtype=torch.long))


def test_gradients_that_shrink_from_layer_to_layer_are_named():
    found = layers.gradients(loss(deep_sigmoids))
    verdict = layers.gradient_finding(found, "vanishing", " at the start")
    assert verdict.verdict == LOOK
    assert "(18.weight)" in verdict.told
    assert "vanish" in verdict.told
    sound = layers.gradients(loss(lambda: mlp(64, 32, 10)))
    assert layers.gradient_finding(sound, "vanishing", "").verdict == OK


def test_the_size_is_that_of_what_autograd_gives():
    of = loss(lambda: logistic_regression(64, 10))
    _, gradient = of.gradients()
    (weight, bias) = layers.gradients(of)
    assert weight.rms == pytest.approx(float(gradient["1.weight"].square().mean().sqrt()))
    assert (weight.name, weight.steps, bias.dimensions) == ("1.weight", 0, 1)
    rows = [r for r in layers.gradient_histograms([weight, bias]) if r["layer"] == "1.weight"]
    counts, edges = [r["count"] for r in rows], [rows[0]["low"], *(r["high"] for r in rows)]
    sizes = gradient["1.weight"].abs().double().flatten().numpy()
    assert np.histogram(sizes, edges)[0].tolist() == counts
    assert sum(counts) + round(rows[0]["zero"] * len(sizes)) == len(sizes)


def test_a_tensor_without_a_gradient_is_named_and_rows_that_do_not_occur_are_no_zeros():
    found = {each.name: each for each in layers.gradients(loss(TwoParts))}
    assert found["unused.weight"].rms == 0
    assert found["words.weight"].share_zero == pytest.approx(6 / 7)
    rows = found["words.weight"].sizes[found["words.weight"].sizes > 0]
    assert found["words.weight"].rms == pytest.approx(float(rows.square().mean().sqrt()))
    verdict = layers.gradient_finding(list(found.values()), "vanishing", "")
    assert verdict.verdict == LOOK
    assert "of 3 tensors 1 have none: unused.weight" in verdict.told


def test_gradients_that_are_not_finite_are_wrong_at_the_start():
    one = layers.Gradient("w", 0, 2, torch.tensor([1.0]), float("nan"))
    assert layers.gradient_finding([one], "vanishing", "").verdict == WRONG
    assert layers.gradient_finding([one._replace(steps=20)], "vanishing", "").verdict == LOOK


def test_a_picture_of_gradients_shows_both_times_of_every_tensor():
    of = loss(lambda: mlp(64, 32, 10))
    start = layers.gradients(of)
    of.descend(0.1)
    import pandas as pd

    frame = pd.DataFrame(layers.gradient_histograms([*start, *layers.gradients(of)]))
    figure = workload_check.draw_gradients(frame, "digits")
    assert [axes.get_title() for axes in figure.axes] == [
        "1.weight",
        "1.bias",
        "3.weight",
        "3.bias",
    ]
    assert {len(axes.patches) for axes in figure.axes} == {2}


@pytest.mark.parametrize(
    ("build", "outputs"),
    [(lambda: mlp(64, 32, 10), 32), (lambda: logistic_regression(64, 10), 10)],
)
def test_a_dense_first_layer_on_images_is_a_picture_an_output(build, outputs):
    of = loss(build)
    of.descend(0.1)
    pictures = layers.first_layer(of)
    assert pictures.shape == (outputs, 8, 8, 1)
    row = next(of.model.parameters())[3].detach()
    assert torch.equal(pictures[3].flatten(), row)  # one channel: as nn.Flatten has the pixels
    figure = workload_check.draw_first_layer(pictures.numpy(), "digits")
    assert sum(bool(axes.images) for axes in figure.axes) == outputs


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Sequential(
            nn.Linear(8, 4), nn.Flatten(), nn.Linear(32, 10)
        ),  # of rows of pixels
        lambda: nn.Sequential(nn.Conv2d(1, 4, 8), nn.Flatten(), nn.Linear(4, 10)),
        lambda: nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16, 10)),
    ],
    ids=["rows", "convolution", "pooled"],
)
def test_what_is_no_dense_layer_on_images_is_none(build):
    pictures = layers.first_layer(loss(build))
    assert pictures is None or pictures.shape == (4, 8, 8, 1)
