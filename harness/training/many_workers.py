"""Several workers on one model, in one process: they take turns, and what each knows is old.

A step of these optimizers is one worker's turn. While they train, the model holds the parameters that
the worker of the next turn computes its gradient on; evaluation sees the centre, which the parameter
server holds. With W workers in turn a gradient is W - 1 turns old when it comes in; with ``drawn`` the
worker is drawn for each turn, by (seed, turn), and W - 1 is the mean. One worker is its serial parent.

All of it is simulated, and so repeatable to the bit: no time passes between the workers' turns, and an
exchange with the server is never cut in two. What that does is seen with real processes
(`harness hogwild`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.training.rules import RULES

State = dict[str, Any]


class ManyWorkers(torch.optim.Optimizer):
    """Whose turn it is, what each worker holds, and what evaluation sees.

    A subclass says what a turn does, in `turn`, to one tensor: ``state["centre"]`` is the server's,
    ``state["local"]`` ``[workers, ...]`` the workers' own.
    """

    def __init__(
        self, params: Iterable[Any], workers: int, drawn: bool, seed: int, **defaults: Any
    ):
        """
        Raises:
            ValueError: fewer than one worker.
        """
        if workers < 1:
            raise ValueError(f"workers must be 1 or more, got {workers}")
        super().__init__(params, {"turn": 0, "turns_of": [0] * workers, **defaults})
        self.workers, self.drawn, self.seed = workers, drawn, seed

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:  # type: ignore[override]
        """The turn of one worker, whose gradient is at hand."""
        for group in self.param_groups:
            worker, own_turn = self._worker(group["turn"]), self._own_turn(group)
            following = self._worker(group["turn"] + 1)
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["centre"] = p.detach().clone()
                    state["local"] = torch.stack([p.detach()] * self.workers)
                    self.begin(state, p)
                self.turn(p.grad, state, worker, own_turn, group)
                p.copy_(state["local"][following])
            turns_of = list(group["turns_of"])
            turns_of[worker] += 1
            group["turn"], group["turns_of"] = group["turn"] + 1, turns_of

    def begin(self, state: State, p: Tensor) -> None:
        """Further state of a tensor before its first turn."""

    def turn(self, g: Tensor, state: State, worker: int, own_turn: int, group: State) -> None:
        """What one worker and the server do with its gradient.

        Args:
            g: computed on ``state["local"][worker]``.
            own_turn: how many turns the worker had before.
        """
        raise NotImplementedError

    def eval(self) -> None:
        """Put the centre where the model holds a worker's parameters."""
        self._hold(lambda state, _: state["centre"])

    def train(self) -> None:
        """Put the parameters of the worker of the next turn there."""
        self._hold(lambda state, group: state["local"][self._worker(group["turn"])])

    @torch.no_grad()
    def _hold(self, of: Callable[[State, State], Tensor]) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if self.state.get(p):  # it has had a turn
                    p.copy_(of(self.state[p], group))

    def _worker(self, turn: int) -> int:
        if self.drawn:
            return int(np.random.default_rng([self.seed, turn]).integers(self.workers))
        return turn % self.workers

    def _own_turn(self, group: State) -> int:
        own: int = group["turns_of"][self._worker(group["turn"])]
        return own


class Downpour(ManyWorkers):
    """Downpour SGD: Dean et al. (2012), Large scale distributed deep networks, section 4.1, appendix 7.1.

    A worker adds up its gradients, steps with each on its own copy (theta <- theta - lr g), pushes the
    sum to the server every ``push_every`` of its turns, and fetches the server's parameters every
    ``fetch_every``. The server updates by ``rule``, one of `harness.training.rules`: sgd, or adagrad as
    they advise, or any other with its hyperparameters. With push and fetch in every turn it is
    asynchronous SGD; one worker is then the rule itself.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        workers: int = 1,
        rule: str = "sgd",
        push_every: int = 1,
        fetch_every: int = 1,
        drawn: bool = False,
        seed: int = 0,
        **hyperparameters: float,
    ):
        """
        Raises:
            ValueError: an unknown rule, hyperparameters it does not take, an interval below 1.
        """
        if rule not in RULES:
            raise ValueError(f"rule {rule!r} is not one of: {', '.join(RULES)}")
        needed = {"lr", *hyperparameters}
        if needed != set(RULES[rule].hyperparameters):
            raise ValueError(
                f"rule {rule} takes {', '.join(RULES[rule].hyperparameters)}, got {', '.join(sorted(needed))}"
            )
        if min(push_every, fetch_every) < 1:
            raise ValueError(
                f"push_every={push_every}, fetch_every={fetch_every} must be 1 or more"
            )
        super().__init__(params, workers, drawn, seed, lr=lr, **hyperparameters)
        self.rule, self.push_every, self.fetch_every = RULES[rule], push_every, fetch_every

    def begin(self, state: State, p: Tensor) -> None:
        state["pushes"] = 0
        state["accrued"] = torch.zeros_like(state["local"])
        state["rule"] = {
            name: torch.full_like(p, value) for name, value in self.rule.initial_state.items()
        }

    def turn(self, g: Tensor, state: State, worker: int, own_turn: int, group: State) -> None:
        state["accrued"][worker] += g
        state["local"][worker] -= group["lr"] * g
        if (own_turn + 1) % self.push_every == 0:
            state["pushes"] += 1
            hyperparameters = {name: group[name] for name in self.rule.hyperparameters}
            step, *new = self.rule.update(
                state["accrued"][worker],
                *state["rule"].values(),
                state["pushes"],
                **hyperparameters,
            )
            state["rule"] = dict(zip(state["rule"], new, strict=True))
            state["centre"] -= step
            state["accrued"][worker] = 0
        if (own_turn + 1) % self.fetch_every == 0:
            state["local"][worker] = state["centre"]


class AdaptiveRevision(ManyWorkers):
    """Delay-tolerant AdaGrad: McMahan and Streeter (2014), algorithm 3, AdaptiveRevision.

    G is the sum of all gradients that the server has had, G_old what it was when the worker fetched the
    parameters that its gradient g is of; h = G - G_old came in between:

        eta_old = lr / sqrt(z');  z <- z + g^2 + 2 g h;  z' <- max(z, z');  eta = lr / sqrt(z')
        theta <- theta - eta g + (eta_old - eta) h

    As here the last term takes back what h was given too much. Beside the root stands eps, and z begins
    at 0, as in our adagrad, which this is with one worker; there it begins at 1, without an eps.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        workers: int = 1,
        eps: float = 1e-8,
        drawn: bool = False,
        seed: int = 0,
    ):
        super().__init__(params, workers, drawn, seed, lr=lr, eps=eps)

    def begin(self, state: State, p: Tensor) -> None:
        for name in ("z", "z_max", "sum"):
            state[name] = torch.zeros_like(p)
        state["sum_fetched"] = torch.zeros_like(state["local"])

    def turn(self, g: Tensor, state: State, worker: int, own_turn: int, group: State) -> None:
        lr, eps = group["lr"], group["eps"]
        between = state["sum"] - state["sum_fetched"][worker]
        old_rate = lr / (state["z_max"] ** 0.5 + eps)
        state["z"] = state["z"] + (g**2 + 2 * g * between)
        state["z_max"] = torch.maximum(state["z_max"], state["z"])
        root = state["z_max"] ** 0.5 + eps
        state["centre"] -= lr * g / root
        state["centre"] += (old_rate - lr / root) * between
        state["sum"] = state["sum"] + g
        state["local"][worker] = state["centre"]
        state["sum_fetched"][worker] = state["sum"]


class ElasticAveraging(ManyWorkers):
    """EASGD and, with momentum, EAMSGD: Zhang, Choromanska and LeCun (2015), algorithms 1 and 2.

    Each worker trains on its own, drawn to the centre c, which is drawn to them; every ``period`` of its
    turns a worker exchanges with it:

        x <- x - a (x - c);  c <- c + a (x - c)              a: moving_rate
        v <- momentum v - lr g(x + momentum v);  x <- x + v    (EASGD: momentum 0)

    In the form of our nesterov: held and differentiated is y = x + momentum v = x - lr momentum u, and
    u = -v / lr is nesterov's buffer, so that with a = 0 a worker is nesterov (or sgd) itself. lr is
    outside the buffer, as there: with a schedule that differs from the authors' v. Evaluation sees c,
    which with a = 0 nothing moves.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.0,
        moving_rate: float = 0.1,
        workers: int = 1,
        period: int = 1,
        drawn: bool = False,
        seed: int = 0,
    ):
        """
        Raises:
            ValueError: a period below 1.
        """
        if period < 1:
            raise ValueError(f"period must be 1 or more, got {period}")
        super().__init__(
            params, workers, drawn, seed, lr=lr, momentum=momentum, moving_rate=moving_rate
        )
        self.period = period

    def begin(self, state: State, p: Tensor) -> None:
        state["buffers"] = torch.zeros_like(state["local"])

    def turn(self, g: Tensor, state: State, worker: int, own_turn: int, group: State) -> None:
        lr, momentum = group["lr"], group["momentum"]
        held, buffer = state["local"][worker], state["buffers"][worker]
        position = held + lr * momentum * buffer
        step, new = RULES["nesterov"].update(g, buffer, own_turn + 1, lr=lr, momentum=momentum)
        state["buffers"][worker] = new
        if own_turn % self.period == 0:
            drawn = group["moving_rate"] * (position - state["centre"])
            state["local"][worker] = held - step - drawn
            state["centre"] += drawn
        else:
            state["local"][worker] = held - step
