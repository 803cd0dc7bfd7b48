"""What differences can tell of a gradient, and what is rounding."""

import torch

from harness.checking import gradient
from harness.checking.differences import UNCLEAR


class Shallow:
    """A loss of 1.5 whose slope is 1e-8: what a step of 1e-5 makes of it is its last three bits."""

    def __init__(self):
        self.parameters = {"w": torch.zeros(1, dtype=torch.float64)}

    def value(self):
        return float(1.5 + 1e-8 * self.parameters["w"])

    def gradients(self):
        return torch.tensor(1.0), {"w": torch.tensor([1.01e-8], dtype=torch.float64)}


def test_a_slope_below_the_losss_rounding_cannot_be_told():
    (sampled,) = gradient.sampled(Shallow(), seconds=1.0)
    assert {each.outcome for each in sampled.derivatives} == {UNCLEAR}
