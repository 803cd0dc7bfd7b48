"""Real processes on one weight vector: one is serial to the bit, two train as well, a death is told."""

import numpy as np
import pytest

from harness.errors import SweepError
from harness.running import hogwild
from harness.training.sparse_logistic import descend, order, quality
from workloads.data.hashed_text import examples

SIZE = 2**10
TEXT = examples("Well, Prince, so Genoa and Lucca are now just family estates. " * 60, bits=10)


def test_one_process_is_serial_descent_to_the_bit():
    run = hogwild.train(*TEXT, SIZE, lr=0.1, workers=1, locked=False, epochs=2, seed=3)
    serial = np.zeros(SIZE)
    for epoch in range(2):
        descend(serial, *TEXT, order(len(TEXT.labels), 3, epoch), 0.1)
    assert np.array_equal(run.weights, serial)
    assert run.seconds > 0
    assert run.cpu_seconds > 0


@pytest.mark.parametrize("locked", [False, True])
def test_two_processes_learn_the_same_problem(locked):
    run = hogwild.train(*TEXT, SIZE, lr=0.3, workers=2, locked=locked, epochs=3)
    assert quality(run.weights, *TEXT).error_rate < 0.05 < TEXT.labels.mean()


def test_a_worker_that_dies_is_told(monkeypatch):
    broken = TEXT.features.copy()
    broken[0] = SIZE + 5  # no such weight
    with pytest.raises(SweepError, match="one of 2 workers ended before its work did"):
        hogwild.train(broken, TEXT.labels, SIZE, lr=0.1, workers=2, locked=False)
