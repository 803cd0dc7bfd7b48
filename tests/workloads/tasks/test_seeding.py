import numpy as np
import pytest

from workloads.tasks.seeding import generators


@pytest.mark.parametrize("words", [1, 2, 3, 4])
def test_the_streams_are_numpys_own(words):
    drawn = np.random.default_rng(7).integers(2**32, size=(50, words), dtype=np.uint64)
    entropy = [tuple(map(int, row)) for row in drawn] + [(0,) * words, (2**32 - 1,) * words]
    for numbers, made in zip(entropy, generators(entropy), strict=True):
        plain = np.random.default_rng(list(numbers))
        assert np.array_equal(made.permutation(50), plain.permutation(50))
        assert made.random() == plain.random()
