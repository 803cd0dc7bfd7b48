"""Optimizers that do unusual things to the same end, each with the plain one that it must train like.

``PLAIN`` writes in place and keeps its state in ``state``; ``TWINS`` names for every other class its
plain twin, and whether an interrupted trial can go on from its checkpoint. Where a class keeps what
its ``state_dict`` leaves out, or gets it back as something else, a trial has to start over.
"""

import collections
import random
from typing import NamedTuple

import numpy as np
import torch

LR = 0.5


class Plain(torch.optim.Optimizer):
    """Gradient descent in place."""

    def __init__(self, params, lr=LR):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                self.update(parameter, group["lr"])

    def update(self, parameter, lr):
        parameter.sub_(lr * parameter.grad)


class PlainMomentum(Plain):
    """Heavy ball in place."""

    def update(self, parameter, lr):
        state = self.state[parameter]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(parameter)
        state["velocity"].mul_(0.9).add_(parameter.grad)
        parameter.sub_(lr * state["velocity"])


# --- gradients ------------------------------------------------------------------------------------


class DropsGradients(Plain):
    def step(self, closure=None):
        super().step()
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None


class ZeroesSometimes(Plain):
    """At every fifth step, as a wrapper that looks ahead might."""

    def step(self, closure=None):
        super().step()
        for group in self.param_groups:
            group["steps"] = group.get("steps", 0) + 1
            if group["steps"] % 5 == 0:
                self.zero_grad()


class ZeroesInPlace(Plain):
    def step(self, closure=None):
        super().step()
        self.zero_grad(set_to_none=False)


class ScalesGradients(Plain):
    """The gradient is its scratch space."""

    def update(self, parameter, lr):
        parameter.grad.mul_(lr)
        parameter.sub_(parameter.grad)


class OtherGradients(Plain):
    """Another tensor stands in for the gradient."""

    def update(self, parameter, lr):
        parameter.grad = parameter.grad.clone()
        super().update(parameter, lr)


class KeepsGradients(PlainMomentum):
    """The velocity is the gradient's own memory."""

    def update(self, parameter, lr):
        state = self.state[parameter]
        velocity = parameter.grad
        if "velocity" in state:
            velocity = state["velocity"].mul(0.9).add_(parameter.grad)
        state["velocity"] = velocity
        parameter.sub_(lr * velocity)


# --- parameters -----------------------------------------------------------------------------------


class Reassigns(Plain):
    def update(self, parameter, lr):
        parameter.data = parameter.data - lr * parameter.grad.data


class ReassignsSometimes(Plain):
    def update(self, parameter, lr):
        super().update(parameter, lr)
        state = self.state[parameter]
        state["n"] = state.get("n", 0) + 1
        if state["n"] % 3 == 0:
            parameter.data = parameter.data.clone()


class ReassignsMomentum(PlainMomentum):
    def update(self, parameter, lr):
        state = self.state[parameter]
        before = state.get("velocity", torch.zeros_like(parameter))
        state["velocity"] = before.mul(0.9).add(parameter.grad)
        parameter.data = parameter.data.sub(lr * state["velocity"])


class Flattens(Plain):
    """Its own flat vector, of which it makes the parameters views, as LARS in one kernel would."""

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            flat = torch.cat([p.data.reshape(-1) for p in group["params"]])
            flat -= group["lr"] * torch.cat([p.grad.reshape(-1) for p in group["params"]])
            pieces = flat.split([p.numel() for p in group["params"]])
            for parameter, piece in zip(group["params"], pieces, strict=True):
                parameter.data = piece.view_as(parameter)


# --- groups and state -----------------------------------------------------------------------------


class ManyGroups(Plain):
    """A group a parameter, in an order of its own."""

    def __init__(self, params, lr=LR):
        super().__init__([{"params": [p]} for p in reversed(list(params))], lr)


class MovesRate(Plain):
    """Its rate is its own to change, back and forth by a power of two."""

    def step(self, closure=None):
        for group in self.param_groups:
            group["lr"] *= 2
        super().step()
        for group in self.param_groups:
            group["lr"] /= 2

    def update(self, parameter, lr):
        super().update(parameter, lr / 2)


class ListState(PlainMomentum):
    """State in lists and numbers."""

    def update(self, parameter, lr):
        history = self.state[parameter].setdefault("history", [[], 0])
        velocity = history[0][-1].mul(0.9).add(parameter.grad) if history[0] else parameter.grad
        history[:] = [[velocity.clone()], history[1] + 1]
        parameter.sub_(lr * velocity)


class GlobalState(PlainMomentum):
    """One velocity for all, beside the parameters' own state."""

    @torch.no_grad()
    def step(self, closure=None):
        parameters = self.param_groups[0]["params"]
        velocities = self.state.setdefault("all", {})
        for place, parameter in enumerate(parameters):
            before = velocities.get(place, torch.zeros_like(parameter))
            velocities[place] = before.mul(0.9).add(parameter.grad)
            parameter.sub_(self.param_groups[0]["lr"] * velocities[place])


class OwnStateDict(PlainMomentum):
    """It saves and loads what it keeps in an attribute."""

    def __init__(self, params, lr=LR):
        super().__init__(params, lr)
        self.velocities = {}

    def update(self, parameter, lr):
        place = id(parameter)
        before = self.velocities.get(place, torch.zeros_like(parameter))
        self.velocities[place] = before.mul(0.9).add(parameter.grad)
        parameter.sub_(lr * self.velocities[place])

    def state_dict(self):
        kept = [self.velocities.get(id(p)) for p in self.param_groups[0]["params"]]
        return {**super().state_dict(), "velocities": kept}

    def load_state_dict(self, state):
        super().load_state_dict({name: state[name] for name in ("state", "param_groups")})
        parameters = self.param_groups[0]["params"]
        pairs = zip(parameters, state["velocities"], strict=True)
        self.velocities = {id(p): kept for p, kept in pairs if kept is not None}


class Twice(Plain):
    """Half of the step, and the other half: a step within a step."""

    def step(self, closure=None):
        super().step()
        super().step()

    def update(self, parameter, lr):
        super().update(parameter, lr / 2)


class NeedsLoss(Plain):
    """It calls a closure, and uses neither loss nor new gradient for anything."""

    def step(self, closure):
        closure()
        super().step()


class KeywordsOnly(Plain):
    def __init__(self, params, **kwargs):
        super().__init__(params, **kwargs)


class WithoutRate(Plain):
    def __init__(self, params):
        super().__init__(params, LR)


# --- what a checkpoint does not hold --------------------------------------------------------------


class Counts(Plain):
    """A warm-up by a counter in an attribute."""

    def __init__(self, params, lr=LR):
        super().__init__(params, lr)
        self.n = 0

    def step(self, closure=None):
        self.n += 1
        super().step()

    def update(self, parameter, lr):
        super().update(parameter, lr * min(1.0, self.n / 16))


class CountsInState(Plain):
    """Its plain twin."""

    def update(self, parameter, lr):
        state = self.state[parameter]
        state["n"] = state.get("n", 0) + 1
        super().update(parameter, lr * min(1.0, state["n"] / 16))


class LooksAhead(Plain):
    """Slow weights in an attribute, looked at at every seventh step only."""

    def __init__(self, params, lr=LR):
        super().__init__(params, lr)
        self.n, self.slow = 0, {}

    def step(self, closure=None):
        super().step()
        self.n += 1

    def update(self, parameter, lr):
        slow = self.slow.setdefault(id(parameter), parameter.clone())
        super().update(parameter, lr)
        if (self.n + 1) % 7 == 0:
            slow.lerp_(parameter, 0.5)
            parameter.copy_(slow)


class LooksAheadInState(Plain):
    """Its plain twin."""

    def update(self, parameter, lr):
        state = self.state[parameter]
        if not state:
            state.update(slow=parameter.clone(), n=0)
        super().update(parameter, lr)
        state["n"] += 1
        if state["n"] % 7 == 0:
            state["slow"].lerp_(parameter, 0.5)
            parameter.copy_(state["slow"])


class Doubles(Plain):
    """State in float64, which torch gives back in float32."""

    def update(self, parameter, lr):
        state = self.state[parameter]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(parameter, dtype=torch.float64)
        state["velocity"] = 0.9 * state["velocity"] + parameter.grad.double() / 3
        parameter.sub_((lr * state["velocity"]).float())


class DrawsByItself(Plain):
    """Noise from a generator of its own, at every fifth step."""

    def __init__(self, params, lr=LR):
        super().__init__(params, lr)
        self.random, self.n = torch.Generator().manual_seed(0), 0

    def step(self, closure=None):
        super().step()
        self.n += 1

    def update(self, parameter, lr):
        super().update(parameter, lr)
        if self.n % 5 == 4:
            parameter.add_(torch.randn(parameter.shape, generator=self.random), alpha=1e-3)


class KeepsFunctions(Plain):
    """A function in its groups, which no file can hold."""

    def __init__(self, params, lr=LR):
        super().__init__(params, lr)
        self.param_groups[0]["rate"] = lambda lr: lr

    def update(self, parameter, lr):
        super().update(parameter, self.param_groups[0]["rate"](lr))


class KeepsObjects(PlainMomentum):
    """State in a deque, which is not loaded again: it is no plain data."""

    def update(self, parameter, lr):
        last = self.state[parameter].setdefault("last", collections.deque(maxlen=1))
        velocity = last[0].mul(0.9).add(parameter.grad) if last else parameter.grad.clone()
        last.append(velocity)
        parameter.sub_(lr * velocity)


class SavesNothing(PlainMomentum):
    def state_dict(self):
        raise NotImplementedError("not today")


class DrawsFromTorch(Plain):
    """Noise from torch's own generator."""

    def update(self, parameter, lr):
        super().update(parameter, lr)
        parameter.add_(torch.randn_like(parameter), alpha=1e-3)


class DrawsFromPython(Plain):
    """Noise from the generators of Python and of NumPy."""

    def update(self, parameter, lr):
        super().update(parameter, lr)
        parameter.add_(1e-3 * random.random() + 1e-3 * float(np.random.rand()))


class Twin(NamedTuple):
    plain: type
    resumes: bool = True
    lr: float | None = LR
    to_the_bit: bool = True


TWINS = {
    DropsGradients: Twin(Plain),
    ZeroesSometimes: Twin(Plain),
    ZeroesInPlace: Twin(Plain),
    ScalesGradients: Twin(Plain),
    OtherGradients: Twin(Plain),
    KeepsGradients: Twin(PlainMomentum),
    Reassigns: Twin(Plain),
    ReassignsSometimes: Twin(Plain),
    ReassignsMomentum: Twin(PlainMomentum),
    Flattens: Twin(Plain),
    ManyGroups: Twin(Plain),
    MovesRate: Twin(Plain),
    ListState: Twin(PlainMomentum),
    GlobalState: Twin(PlainMomentum),
    OwnStateDict: Twin(PlainMomentum),
    Twice: Twin(Twice),
    NeedsLoss: Twin(Plain),
    KeywordsOnly: Twin(Plain),
    WithoutRate: Twin(Plain, lr=None),
    Counts: Twin(CountsInState, resumes=False),
    LooksAhead: Twin(LooksAheadInState, resumes=False),
    Doubles: Twin(Doubles, resumes=False),
    DrawsByItself: Twin(DrawsByItself, resumes=False),
    KeepsFunctions: Twin(Plain, resumes=False),
    KeepsObjects: Twin(PlainMomentum, resumes=False),
    SavesNothing: Twin(PlainMomentum, resumes=False),
    DrawsFromTorch: Twin(DrawsFromTorch),
    DrawsFromPython: Twin(DrawsFromPython),
}
