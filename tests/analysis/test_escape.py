"""Steps to leave a saddle: from a path, by the mathematics, and their medians."""

import math

import numpy as np
import pandas as pd
import pytest

from harness.analysis.escape import of_gradient_descent, steps_to_leave, summary


@pytest.mark.parametrize("lr", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("start", [1e-6, -1e-3, 0.1])
def test_gradient_descent_on_the_quadratic_saddle(lr, start):
    y = start * np.exp(np.minimum(np.log1p(lr) * np.arange(3000), 100))
    path = np.column_stack([np.zeros(len(y)), y])
    assert steps_to_leave(path) == math.ceil(of_gradient_descent(lr, start))


def test_a_symmetric_start_never_leaves():
    assert of_gradient_descent(0.1, 0.0) == math.inf
    assert math.isnan(steps_to_leave(np.zeros((9, 2))))


def test_a_start_that_is_out_has_left():
    assert steps_to_leave(np.array([[0.0, -0.7]])) == 0 == of_gradient_descent(0.1, -0.7)


def test_medians_count_what_never_left_as_infinite():
    runs = pd.DataFrame({
        "setting": "s", "optimizer": "sgd", "perturbation": 0.1,
        "steps_to_leave": [3.0, np.nan, 5.0, np.nan, np.nan],
    })  # fmt: skip
    (row,) = summary(runs).to_dict("records")
    assert row["median"] == row["most"] == math.inf
    assert (row["least"], row["left"], row["runs"]) == (3.0, 2, 5)
