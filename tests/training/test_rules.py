"""The update rules against an independent NumPy copy of the paper's table, and their inclusions."""

import numpy as np
import pytest
import torch

from harness.training.rules import RULES, rule

STEPS = 200


# --- the table of Choi et al., once more, in NumPy: (theta, gradient function, hyperparameters) ----


def table_sgd(theta, gradient, lr):
    for _ in range(STEPS):
        theta = theta - lr * gradient(theta)
    return theta


def table_momentum(theta, gradient, lr, momentum):
    v = np.zeros_like(theta)
    for _ in range(STEPS):
        v = momentum * v + gradient(theta)
        theta = theta - lr * v
    return theta


def table_nesterov(theta, gradient, lr, momentum):
    v = np.zeros_like(theta)
    for _ in range(STEPS):
        g = gradient(theta)
        v = momentum * v + g
        theta = theta - lr * (momentum * v + g)
    return theta


def table_rmsprop(theta, gradient, lr, momentum, rho, eps):
    v, m = np.ones_like(theta), np.zeros_like(theta)
    for _ in range(STEPS):
        g = gradient(theta)
        v = rho * v + (1 - rho) * g * g
        m = momentum * m + lr / np.sqrt(v + eps) * g
        theta = theta - m
    return theta


def table_adam(theta, gradient, lr, beta1, beta2, eps, nesterov=False):
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    for t in range(1, STEPS + 1):
        g = gradient(theta)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        b = np.sqrt(1 - beta2**t) / (1 - beta1**t)
        numerator = beta1 * m + (1 - beta1) * g if nesterov else m
        theta = theta - lr * b * numerator / (np.sqrt(v) + eps)
    return theta


def table_nadam(theta, gradient, **hyper):
    return table_adam(theta, gradient, nesterov=True, **hyper)


def table_adagrad(theta, gradient, lr, eps):
    s = np.zeros_like(theta)
    for _ in range(STEPS):
        g = gradient(theta)
        s = s + g * g
        theta = theta - lr * g / (np.sqrt(s) + eps)
    return theta


def table_adadelta(theta, gradient, lr, rho, eps):
    s, d = np.zeros_like(theta), np.zeros_like(theta)
    for _ in range(STEPS):
        g = gradient(theta)
        s = rho * s + (1 - rho) * g * g
        change = np.sqrt(d + eps) / np.sqrt(s + eps) * g
        d = rho * d + (1 - rho) * change * change
        theta = theta - lr * change
    return theta


def table_adamax(theta, gradient, lr, beta1, beta2, eps):
    m, u = np.zeros_like(theta), np.zeros_like(theta)
    for t in range(1, STEPS + 1):
        g = gradient(theta)
        m = beta1 * m + (1 - beta1) * g
        u = np.maximum(beta2 * u, np.abs(g) + eps)
        theta = theta - lr / (1 - beta1**t) * m / u
    return theta


CASES = {
    "sgd": (table_sgd, {"lr": 0.05}),
    "momentum": (table_momentum, {"lr": 0.02, "momentum": 0.9}),
    "nesterov": (table_nesterov, {"lr": 0.02, "momentum": 0.9}),
    "rmsprop": (table_rmsprop, {"lr": 0.01, "momentum": 0.7, "rho": 0.95, "eps": 1e-3}),
    "adam": (table_adam, {"lr": 0.03, "beta1": 0.9, "beta2": 0.99, "eps": 1e-2}),
    "nadam": (table_nadam, {"lr": 0.03, "beta1": 0.9, "beta2": 0.99, "eps": 1e-2}),
    "adagrad": (table_adagrad, {"lr": 0.1, "eps": 1e-8}),
    "adadelta": (table_adadelta, {"lr": 1.0, "rho": 0.9, "eps": 1e-4}),
    "adamax": (table_adamax, {"lr": 0.02, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}),
}

# Two problems, their gradients in NumPy operations that torch tensors take too.
CURVATURES = np.array([10.0, 3.0, 1.0, 0.3, 0.1])
START = np.array([1.0, -2.0, 0.5, 3.0, -0.7])


def quadratic(theta):
    return theta * type_like(CURVATURES, theta)


def cosh_valley(theta):  # not quadratic: the gradient bends and saturates
    return theta / (1 + theta**2) ** 0.5 + 0.1 * theta


def type_like(array, theta):
    return torch.as_tensor(array, dtype=theta.dtype) if isinstance(theta, torch.Tensor) else array


def run(rule, theta, gradient, hyper, steps=STEPS):
    """Trajectory of a rule from theta: [steps, parameters]."""
    update, initial_state, *_ = RULES[rule]
    theta = theta.clone()
    state = [torch.full_like(theta, value) for value in initial_state.values()]
    trajectory = []
    for t in range(1, steps + 1):
        step, *state = update(gradient(theta), *state, t, **hyper)
        theta = theta - step
        trajectory.append(theta)
    return torch.stack(trajectory)


@pytest.mark.parametrize("gradient", [quadratic, cosh_valley])
@pytest.mark.parametrize("rule", CASES)
def test_rule_agrees_with_the_table_over_200_steps(rule, gradient):
    table, hyper = CASES[rule]
    expected = table(START, gradient, **hyper)
    got = run(rule, torch.tensor(START), gradient, hyper)[-1].numpy()
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-10)
    assert np.abs(got - START).max() > 0.1  # it moved: the comparison is of something


def test_every_rule_has_a_case():
    assert set(CASES) == set(RULES)


@pytest.mark.parametrize(
    ("rule", "torch_class", "torch_hyper", "hyper"),
    [
        ("sgd", torch.optim.SGD, {"lr": 0.05}, {"lr": 0.05}),
        (
            "momentum",
            torch.optim.SGD,
            {"lr": 0.02, "momentum": 0.9},
            {"lr": 0.02, "momentum": 0.9},
        ),
        (
            "nesterov",
            torch.optim.SGD,
            {"lr": 0.02, "momentum": 0.9, "nesterov": True},
            {"lr": 0.02, "momentum": 0.9},
        ),
    ],
)
@pytest.mark.parametrize("gradient", [quadratic, cosh_valley])
def test_agrees_with_torch_where_the_table_does(rule, torch_class, torch_hyper, hyper, gradient):
    start = torch.tensor(START, dtype=torch.float32)
    theta = torch.nn.Parameter(start.clone())
    optimizer = torch_class([theta], **torch_hyper)
    for _ in range(STEPS):
        theta.grad = gradient(theta.detach())
        optimizer.step()
    got = run(rule, start, gradient, hyper)[-1]
    torch.testing.assert_close(got, theta.detach(), rtol=0, atol=1e-6)


def test_adam_is_not_torch_adam_once_eps_matters():
    """The table's eps stands beside the uncorrected root: torch's eps is eps / sqrt(1 - beta2**t)."""

    def torch_adam(eps):
        theta = torch.nn.Parameter(torch.tensor(START))
        optimizer = torch.optim.Adam([theta], lr=0.03, betas=(0.9, 0.99), eps=eps)
        for _ in range(STEPS):
            theta.grad = quadratic(theta.detach())
            optimizer.step()
        return theta.detach()

    def gap(eps):
        hyper = {"lr": 0.03, "beta1": 0.9, "beta2": 0.99, "eps": eps}
        ours = run("adam", torch.tensor(START), quadratic, hyper)[-1]
        return (ours - torch_adam(eps)).abs().max().item()

    assert gap(1e-12) < 1e-9
    assert gap(1.0) > 1e-2


# --- hyperparameters as tensors: many trials at once -----------------------------------------------


@pytest.mark.parametrize("rule", CASES)
def test_stacked_trials_equal_single_ones(rule):
    """[trials, 1] hyperparameters against [trials, parameters]: each row is its own trial."""
    _, hyper = CASES[rule]
    scales = (0.5, 1.0, 0.25)
    stacked = {
        name: torch.tensor([[value * scale] for scale in scales], dtype=torch.float32)
        for name, value in hyper.items()
    }
    start = torch.tensor(START, dtype=torch.float32)
    together = run(rule, start.expand(3, -1), cosh_valley, stacked, steps=20)[-1]
    assert together.dtype == torch.float32
    for row, scale in zip(together, scales, strict=True):
        alone = {name: value * scale for name, value in hyper.items()}
        expected = run(rule, start, cosh_valley, alone, steps=20)[-1]
        torch.testing.assert_close(row, expected, rtol=1e-5, atol=1e-6)


# --- the inclusions of the paper, numerically ------------------------------------------------------


def distance(special, special_hyper, general, general_hyper, gradient=cosh_valley):
    """Largest gap between two trajectories over 200 steps."""
    start = torch.tensor(START)
    a = run(special, start, gradient, special_hyper)
    b = run(general, start, gradient, general_hyper)
    return (a - b).abs().max().item()


@pytest.mark.parametrize("general", ["momentum", "nesterov"])
def test_sgd_is_momentum_and_nesterov_with_none(general):
    assert distance("sgd", {"lr": 0.05}, general, {"lr": 0.05, "momentum": 0.0}) == 0.0


MOMENTUM = {"lr": 0.02, "momentum": 0.9}


def test_momentum_is_rmsprop_at_rho_1_eps_0_exactly():
    hyper = {**MOMENTUM, "rho": 1.0, "eps": 0.0}
    # Exact in the mathematics; lr enters the buffer at another place, so the last bits differ.
    assert distance("momentum", MOMENTUM, "rmsprop", hyper) < 1e-14


def rates(distances):
    """Observed orders: log10 of the ratio of neighbouring gaps, for arguments a decade apart."""
    return np.log10(np.array(distances[:-1]) / np.array(distances[1:]))


def test_momentum_is_the_limit_of_rmsprop_as_eps_grows_at_rate_1_over_eps():
    # lr / sqrt(v + eps) = lr / sqrt(eps) * (1 - v / (2 eps) + ...): first order in 1/eps.
    gaps = [
        distance(
            "momentum",
            MOMENTUM,
            "rmsprop",
            {"lr": 0.02 * eps**0.5, "momentum": 0.9, "rho": 0.9, "eps": eps},
        )
        for eps in (1e3, 1e4, 1e5, 1e6)
    ]
    assert gaps[-1] < 1e-5
    np.testing.assert_allclose(rates(gaps), 1.0, atol=0.05)


@pytest.mark.parametrize(("special", "general"), [("momentum", "adam"), ("nesterov", "nadam")])
def test_momentum_is_the_limit_of_adam_as_eps_grows_at_rate_1_over_eps(special, general):
    # 1 / (sqrt(v) + eps) = 1/eps * (1 - sqrt(v)/eps + ...): first order in 1/eps. The factor
    # b = sqrt(1 - beta2**t) / (1 - beta1**t) stays; dividing lr by it at each step cancels it.
    update, initial_state, *_ = RULES[general]

    def gap(eps):
        theta = torch.tensor(START)
        state = [torch.zeros_like(theta) for _ in initial_state]
        trajectory = []
        for t in range(1, STEPS + 1):
            b = (1 - 0.999**t) ** 0.5 / (1 - 0.9**t)
            lr = 0.02 * eps / (1 - 0.9) / b
            hyper = {"lr": lr, "beta1": 0.9, "beta2": 0.999, "eps": eps}
            step, *state = update(cosh_valley(theta), *state, t, **hyper)
            theta = theta - step
            trajectory.append(theta)
        expected = run(special, torch.tensor(START), cosh_valley, MOMENTUM)
        return (torch.stack(trajectory) - expected).abs().max().item()

    gaps = [gap(eps) for eps in (1e2, 1e3, 1e4, 1e5)]
    assert gaps[-1] < 1e-4
    np.testing.assert_allclose(rates(gaps), 1.0, atol=0.05)


def test_without_cancelling_adam_keeps_a_warm_up_that_tends_to_1():
    """With beta2 -> 0 the correction is 1/(1 - beta1**t) alone; it is 1 to 1e-9 after 200 steps."""
    b = (1 - 1e-4**STEPS) ** 0.5 / (1 - 0.9**STEPS)
    assert abs(b - 1) < 1e-9
    lr = 0.02 * 1e8 / (1 - 0.9)
    hyper = {"lr": lr, "beta1": 0.9, "beta2": 1e-4, "eps": 1e8}
    ours = run("adam", torch.tensor(START), quadratic, hyper)
    plain = run("momentum", torch.tensor(START), quadratic, MOMENTUM)
    early, late = (ours - plain).abs().amax(dim=1)[[4, -1]]
    assert early > 1e-2  # the first steps are larger by 1/(1 - beta1**t)
    assert late < early / 10  # and the gap closes as b tends to 1


def test_a_schedule_parts_momentum_from_rmsprop():
    """lr inside the buffer: with a changing lr, Momentum ⊆ RMSProp is no longer exact."""

    def final(rule, hyper):
        update, initial_state, *_ = RULES[rule]
        theta = torch.tensor(START)
        state = [torch.full_like(theta, value) for value in initial_state.values()]
        for t in range(1, 51):
            lr = 0.02 * (1 - 0.9 * t / 50)
            step, *state = update(cosh_valley(theta), *state, t, **{**hyper, "lr": lr})
            theta = theta - step
        return theta

    gap = final("momentum", {"momentum": 0.9}) - final(
        "rmsprop", {"momentum": 0.9, "rho": 1.0, "eps": 0.0}
    )
    assert gap.abs().max() > 1e-3


# --- the table of rules ----------------------------------------------------------------------------


def swapped(g, m, v, t, *, lr):
    """Adam's state under RMSProp's order of it."""
    return lr * g, m, v


def without_t(g, v, *, lr):
    return lr * g, v


def one_too_many(g, v, m, u, t, *, lr):
    return lr * g, v, m, u


@pytest.mark.parametrize("update", [swapped, without_t, one_too_many])
def test_a_rule_whose_state_is_not_that_of_its_signature_is_refused_when_entered(update):
    """Both may be tensors of one shape: it would run, silently."""
    with pytest.raises(
        TypeError, match=f"rule {update.__name__} takes g, .*; with the state v, m it"
    ):
        rule(v=1.0, m=0.0)(update)
    assert update.__name__ not in RULES


def test_a_rule_is_entered_with_its_state_and_hyperparameters(monkeypatch):
    def decaying(g, v, t, *, lr, rho):
        return lr * g, rho * v

    monkeypatch.setitem(RULES, "decaying", None)  # to be taken out again
    assert rule(v=0.5)(decaying) is decaying
    assert RULES["decaying"] == (decaying, {"v": 0.5}, ("lr", "rho"))
