"""Workers that take turns: against NumPy copies of the papers' pseudo-code, and their serial parents."""

import numpy as np
import pytest
import torch

from harness.training.many_workers import AdaptiveRevision, Downpour, ElasticAveraging
from tests.training.made_up import (
    MadeUpTask,
    difference_after_a_step,
    resumed,
    trained,
    vector,
)

CURVATURES = np.array([10.0, 3.0, 1.0, 0.3, 0.1])
START = np.array([1.0, -2.0, 0.5, 3.0, -0.7])
TURNS = 60


def gradient(theta):
    """Not quadratic: it bends and saturates."""
    return theta / np.sqrt(1 + theta**2) + 0.1 * CURVATURES * theta


# --- the pseudo-code, once more, with workers in turn ---------------------------------------------


def told_downpour(workers, lr, push_every, fetch_every, adagrad_eps=None):
    """Dean et al., appendix 7.1. A worker's next fetch is at the end of its turn, as the others go on."""
    centre, s = START.copy(), np.zeros(5)
    local = [START.copy() for _ in range(workers)]
    accrued = [np.zeros(5) for _ in range(workers)]
    for turn in range(TURNS):
        w, own = turn % workers, turn // workers + 1
        g = gradient(local[w])
        accrued[w] = accrued[w] + g
        local[w] = local[w] - lr * g
        if own % push_every == 0:
            if adagrad_eps is None:
                centre = centre - lr * accrued[w]
            else:
                s = s + accrued[w] ** 2
                centre = centre - lr * accrued[w] / (np.sqrt(s) + adagrad_eps)
            accrued[w] = np.zeros(5)
        if own % fetch_every == 0:
            local[w] = centre.copy()
    return centre


def told_adaptive_revision(workers, lr, eps):
    """McMahan and Streeter, algorithm 3, coordinate by coordinate."""
    centre, total = START.copy(), np.zeros(5)
    z, z_max = np.zeros(5), np.zeros(5)
    read = [(START.copy(), np.zeros(5)) for _ in range(workers)]
    for turn in range(TURNS):
        x, total_old = read[turn % workers]
        g = gradient(x)
        for i in range(5):
            g_bck = total[i] - total_old[i]
            eta_old = lr / (np.sqrt(z_max[i]) + eps)
            z[i] += g[i] ** 2 + 2 * g[i] * g_bck
            z_max[i] = max(z[i], z_max[i])
            eta = lr / (np.sqrt(z_max[i]) + eps)
            centre[i] -= eta * g[i]
            centre[i] += (eta_old - eta) * g_bck
            total[i] += g[i]
        read[turn % workers] = (centre.copy(), total.copy())
    return centre


def told_elastic(workers, lr, moving_rate, period, momentum):
    """Zhang et al., algorithm 2; algorithm 1 where momentum is 0."""
    centre = START.copy()
    x = [START.copy() for _ in range(workers)]
    v = [np.zeros(5) for _ in range(workers)]
    for turn in range(TURNS):
        w, own = turn % workers, turn // workers
        before = x[w]
        g = gradient(before + momentum * v[w])
        if own % period == 0:
            x[w] = x[w] - moving_rate * (before - centre)
            centre = centre + moving_rate * (before - centre)
        v[w] = momentum * v[w] - lr * g
        x[w] = x[w] + v[w]
    return centre


def run(optimizer_class, **hyperparameters):
    """The centre after `TURNS` turns of our own."""
    theta = torch.nn.Parameter(torch.tensor(START))
    optimizer = optimizer_class([theta], **hyperparameters)
    for _ in range(TURNS):
        theta.grad = torch.from_numpy(gradient(theta.detach().numpy()))
        optimizer.step()
    optimizer.eval()
    return theta.detach().numpy()


@pytest.mark.parametrize("workers", [1, 3, 8])
@pytest.mark.parametrize(("push_every", "fetch_every"), [(1, 1), (3, 1), (2, 4)])
def test_downpour(workers, push_every, fetch_every):
    told = told_downpour(workers, 0.05, push_every, fetch_every)
    got = run(Downpour, lr=0.05, workers=workers, push_every=push_every, fetch_every=fetch_every)
    np.testing.assert_allclose(got, told, rtol=0, atol=1e-12)
    with_adagrad = told_downpour(workers, 0.3, push_every, fetch_every, adagrad_eps=1e-6)
    got = run(
        Downpour, rule="adagrad", lr=0.3, eps=1e-6, workers=workers, push_every=push_every,
        fetch_every=fetch_every,
    )  # fmt: skip
    np.testing.assert_allclose(got, with_adagrad, rtol=0, atol=1e-12)


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_adaptive_revision(workers):
    told = told_adaptive_revision(workers, 0.3, 1e-6)
    got = run(AdaptiveRevision, lr=0.3, eps=1e-6, workers=workers)
    np.testing.assert_allclose(got, told, rtol=0, atol=1e-12)


@pytest.mark.parametrize("workers", [1, 3, 8])
@pytest.mark.parametrize("period", [1, 4])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_elastic_averaging(workers, period, momentum):
    told = told_elastic(workers, 0.05, 0.2, period, momentum)
    got = run(
        ElasticAveraging, lr=0.05, moving_rate=0.2, period=period, momentum=momentum,
        workers=workers,
    )  # fmt: skip
    np.testing.assert_allclose(got, told, rtol=0, atol=1e-10)


# --- one worker is the serial parent, to the bit ---------------------------------------------------

PARENTS = {
    "sgd": ("Downpour", {"rule": "sgd"}, {"lr": 0.1}, {}),
    "adagrad": ("Downpour", {"rule": "adagrad"}, {"lr": 0.1, "eps": 1e-6}, {}),
    "adam": (
        "Downpour", {"rule": "adam"}, {"lr": 0.02, "beta1": 0.9, "beta2": 0.99, "eps": 1e-4}, {}
    ),
    "adagrad by revision": ("AdaptiveRevision", {}, {"lr": 0.1, "eps": 1e-6}, {}),
    "sgd by averaging": ("ElasticAveraging", {}, {"lr": 0.1}, {"moving_rate": 0.0}),
    "nesterov by averaging": (
        "ElasticAveraging", {}, {"lr": 0.1, "momentum": 0.9}, {"moving_rate": 0.0}
    ),
}  # fmt: skip


def node(name, **arguments):
    return {"rule": f"harness.training.many_workers.{name}", "arguments": arguments}


@pytest.mark.parametrize("case", PARENTS)
def test_one_worker_is_the_parent_to_the_bit(case):
    name, arguments, point, further = PARENTS[case]
    serial = trained(case.split()[0], point, schedule="linear")
    alone = trained(node(name, **arguments), {**point, **further}, schedule="linear")
    assert torch.equal(vector(serial), vector(alone))
    if "averaging" not in case:  # whose centre nothing moves then
        assert serial.final == alone.final


@pytest.mark.parametrize("case", PARENTS)
@pytest.mark.parametrize("drawn", [False, True])
def test_an_interrupted_trial_goes_on_to_the_same_bits(case, drawn):
    name, arguments, point, further = PARENTS[case]
    of = node(name, **arguments, workers=3, drawn=drawn)
    point = {**point, **further} | ({"moving_rate": 0.1} if further else {})
    whole, second = trained(of, point), resumed(of, point)
    assert torch.equal(vector(whole), vector(second))
    assert whole.final["curve"] == second.final["curve"]
    assert difference_after_a_step(of, point) is None


def test_evaluation_sees_the_centre_and_training_goes_on_from_the_worker():
    theta = torch.nn.Parameter(torch.zeros(2))
    optimizer = ElasticAveraging([theta], lr=1.0, moving_rate=0.5, workers=2)
    theta.grad = torch.ones(2)
    optimizer.step()  # the first worker is at -1 now, the second at 0, the centre at 0
    assert theta.tolist() == [0, 0]
    theta.grad = torch.ones(2)
    optimizer.step()
    assert theta.tolist() == [-1, -1]
    theta.grad = torch.zeros(2)
    optimizer.step()  # -1 and the centre meet half way
    optimizer.eval()
    assert theta.tolist() == [-0.5, -0.5]
    optimizer.train()
    assert theta.tolist() == [-1, -1]  # the second's


def test_drawn_turns_are_those_of_the_seed_and_reach_all_workers():
    def turns(seed):
        of = Downpour(
            [torch.nn.Parameter(torch.zeros(1))], lr=0.1, workers=4, drawn=True, seed=seed
        )
        return [of._worker(turn) for turn in range(200)]

    assert turns(0) == turns(0) != turns(1)
    assert np.bincount(turns(0), minlength=4).min() > 30


def test_revision_forgives_a_delay_that_adagrad_does_not():
    """Their point: with rates good for one worker, AdaGrad's steps overshoot when all are late."""
    late = {"lr": 1.0, "workers": 40}
    plain = run(Downpour, rule="adagrad", eps=1e-8, **late)
    revised = run(AdaptiveRevision, eps=1e-8, **late)
    assert np.abs(revised).sum() < np.abs(plain).sum()


@pytest.mark.parametrize(
    ("optimizer_class", "arguments", "says"),
    [
        (Downpour, {"workers": 0}, "workers must be 1 or more, got 0"),
        (Downpour, {"rule": "sdg"}, "rule 'sdg' is not one of: sgd, momentum"),
        (Downpour, {"rule": "adagrad"}, "rule adagrad takes lr, eps, got lr"),
        (Downpour, {"push_every": 0}, "push_every=0, fetch_every=1 must be 1 or more"),
        (ElasticAveraging, {"period": 0}, "period must be 1 or more, got 0"),
    ],
)
def test_mistakes(optimizer_class, arguments, says):
    with pytest.raises(ValueError, match=says):
        optimizer_class([torch.nn.Parameter(torch.zeros(1))], lr=0.1, **arguments)


def test_the_made_up_task_tells_workers_apart():
    """Or the tests above would hold whatever the workers did."""
    one, three = (
        trained(node("Downpour", workers=workers), {"lr": 0.1}, MadeUpTask()) for workers in (1, 3)
    )
    assert not torch.equal(vector(one), vector(three))
