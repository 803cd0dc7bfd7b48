import numpy as np
import pytest

from workloads.data import quadratic


def test_a_rotation_is_one():
    turn = quadratic.rotation(7, np.random.RandomState(1))
    np.testing.assert_allclose(turn @ turn.T, np.eye(7), atol=1e-12)
    assert np.linalg.det(quadratic.rotation(8, np.random.RandomState(1))) == pytest.approx(1)


def test_rotations_are_uniform():
    """The Haar measure's moments: an entry has mean 0 and variance 1/n, whatever its place; 4 sd."""
    random = np.random.RandomState(0)
    turns = np.stack([quadratic.rotation(4, random) for _ in range(4_000)])
    assert np.abs(turns.mean(0)).max() < 4 * 0.5 / 4_000**0.5
    assert np.abs((turns**2).mean(0) - 0.25).max() < 4 * 0.25 / 4_000**0.5


def slow_rotation(size, random):
    """Word for word: R becomes (I - 2xx') blockdiag(1, R), in the end -R."""
    angle = 2 * np.pi * random.uniform()
    R = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    for d in range(2, size):
        v = random.normal(size=d + 1)
        v = v / np.sqrt(v @ v)
        x = np.eye(d + 1)[0] - v
        x = x / np.sqrt(x @ x)
        block = np.zeros((d + 1, d + 1))
        block[0, 0] = 1
        block[1:, 1:] = R
        R = (np.eye(d + 1) - 2 * np.outer(x, x)) @ block
    return -R


def test_it_equals_its_slow_twin():
    fast = quadratic.rotation(9, np.random.RandomState(3))
    np.testing.assert_allclose(fast, slow_rotation(9, np.random.RandomState(3)), atol=1e-12)


def test_the_instance_is_deepobs_and_frozen():
    found = quadratic.instance()
    eigenvalues = np.linalg.eigvalsh(found.matrix)
    np.testing.assert_allclose(eigenvalues, np.sort(found.eigenvalues), atol=1e-10)
    assert (eigenvalues < 1).sum() == 90
    assert (eigenvalues > 30).sum() == 10
    np.testing.assert_allclose(found.matrix, found.matrix.T, atol=1e-12)
    assert found.points.keys() == {"train", "test", "validation"}
    for points in found.points.values():
        assert (points.shape, points.dtype) == ((1000, 100), np.float32)
        assert points.std() == pytest.approx(0.6, rel=0.01)
    # Results are comparable only while this holds.
    assert found.sha256.startswith("4dac7090cbcedd51")
