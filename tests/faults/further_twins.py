"""Further optimizers that do unusual things to the same end, as those of `twins`."""

import copy
import random

import numpy as np
import torch
from torch.utils.weak import WeakIdKeyDictionary

from tests.faults.twins import LR, CountsInState, LooksAheadInState, Plain, PlainMomentum, Twin

# --- parameters and groups ------------------------------------------------------------------------


class SetsParameters(Plain):
    def update(self, parameter, lr):
        parameter.set_(parameter - lr * parameter.grad)


class MovesToOtherMemory(Plain):
    """Transposed and back: the same numbers with other strides."""

    def update(self, parameter, lr):
        moved = parameter.detach() - lr * parameter.grad
        parameter.data = moved.t().contiguous().t() if moved.dim() == 2 else moved


class OtherGroups(Plain):
    """Its groups are other dicts after every step."""

    def step(self, closure=None):
        super().step()
        self.param_groups = [dict(group) for group in self.param_groups]


class TensorRate(Plain):
    """Its rate is a tensor, as capturable ones have."""

    def __init__(self, params, lr=LR):
        super().__init__(params, torch.tensor(lr))


class SplitsGroups(Plain):
    """A group of its own for biases, made at the first step."""

    def step(self, closure=None):
        (first, *others) = self.param_groups
        if not others:
            biases = [p for p in first["params"] if p.dim() == 1]
            first["params"] = [p for p in first["params"] if p.dim() > 1]
            self.add_param_group({"params": biases})
        super().step()


class MasterWeights(Plain):
    """Copies of the parameters are what it steps."""

    def update(self, parameter, lr):
        state = self.state[parameter]
        if "master" not in state:
            state["master"] = parameter.clone()
        state["master"].sub_(lr * parameter.grad)
        parameter.copy_(state["master"])


class CopiesAtTheStart(Plain):
    """The same, copied before anything is restored, in an attribute."""

    def __init__(self, params, lr=LR):
        super().__init__(params, lr)
        self.masters = copy.deepcopy(self.param_groups[0]["params"])

    def step(self, closure=None):
        for master, parameter in zip(self.masters, self.param_groups[0]["params"], strict=True):
            master.data.sub_(self.param_groups[0]["lr"] * parameter.grad)
            parameter.data.copy_(master.data)


class RateInAnAttribute(Plain):
    """Read once, when it is built."""

    def __init__(self, params, lr=LR):
        super().__init__(params, lr)
        self.lr = lr

    def update(self, parameter, lr):
        super().update(parameter, self.lr)


class Wraps(Plain):
    """Another optimizer does the work."""

    def __init__(self, params, lr=LR):
        super().__init__(params, lr)
        self.inner = PlainMomentum(self.param_groups[0]["params"], lr)

    def step(self, closure=None):
        self.inner.step()


class WrapsInAList(Wraps):
    """Where its state is not found."""

    def __init__(self, params, lr=LR):
        super().__init__(params, lr)
        self.several = [self.inner]
        del self.inner

    def step(self, closure=None):
        for each in self.several:
            each.step()


# --- state ----------------------------------------------------------------------------------------


class CountsInATensor(Plain):
    """As torch's own do."""

    def update(self, parameter, lr):
        state = self.state[parameter]
        state["step"] = state.get("step", torch.tensor(0.0)) + 1
        super().update(parameter, lr * min(1.0, state["step"].item() / 16))


class OnTheParameter(PlainMomentum):
    """State beside the numbers that it belongs to."""

    def update(self, parameter, lr):
        before = getattr(parameter, "velocity", torch.zeros_like(parameter))
        parameter.velocity = before.mul(0.9).add_(parameter.grad)
        parameter.sub_(lr * parameter.velocity)


class RarelyOnTheParameter(Plain):
    """Slow weights there, looked at at every seventh step only."""

    def update(self, parameter, lr):
        if not hasattr(parameter, "slow"):
            parameter.slow, parameter.n = parameter.detach().clone(), 0
        super().update(parameter, lr)
        parameter.n += 1
        if parameter.n % 7 == 0:
            parameter.slow.lerp_(parameter, 0.5)
            parameter.copy_(parameter.slow)


class WeakState(PlainMomentum):
    """State in a mapping of its own that holds no parameter alive."""

    def __init__(self, params, lr=LR):
        super().__init__(params, lr)
        self.velocities = WeakIdKeyDictionary()

    def update(self, parameter, lr):
        before = self.velocities.get(parameter, torch.zeros_like(parameter))
        self.velocities[parameter] = before.mul(0.9).add(parameter.grad)
        parameter.sub_(lr * self.velocities[parameter])


class HalfPrecision(PlainMomentum):
    """State in float16, which torch gives back in float32."""

    def update(self, parameter, lr):
        state = self.state[parameter]
        before = state.get("velocity", torch.zeros_like(parameter, dtype=torch.float16))
        state["velocity"] = (0.9 * before + parameter.grad.half() / 3).half()
        parameter.sub_(lr * state["velocity"].float())


class LoadsNothing(PlainMomentum):
    def load_state_dict(self, state):
        pass


class SavesHalf(PlainMomentum):
    """Its groups alone."""

    def state_dict(self):
        return {**super().state_dict(), "state": {}}


class OwnNumPyGenerator(Plain):
    """Noise at every fifth step."""

    def __init__(self, params, lr=LR):
        super().__init__(params, lr)
        self.random, self.n = self.generator(), 0

    def generator(self):
        return np.random.default_rng(0)

    def step(self, closure=None):
        super().step()
        for group in self.param_groups:
            group["n"] = group.get("n", 0) + 1
            if group["n"] % 5 == 0:
                for parameter in group["params"]:
                    parameter.data.add_(1e-3 * self.random.random())


class OwnPythonGenerator(OwnNumPyGenerator):
    def generator(self):
        return random.Random(0)


# --- torch's own ways to do the same --------------------------------------------------------------


class OneByOne(torch.optim.AdamW):
    def __init__(self, params, lr=LR):
        super().__init__(params, lr=lr, foreach=False)


class Fused(torch.optim.AdamW):
    def __init__(self, params, lr=LR):
        super().__init__(params, lr=lr, fused=True)


class Averages(torch.optim.ASGD):
    """What it averages it keeps beside the parameters."""

    def __init__(self, params, lr=LR):
        super().__init__(params, lr=lr, t0=3)


TWINS = {
    SetsParameters: Twin(Plain),
    MovesToOtherMemory: Twin(Plain, to_the_bit=False),  # strides decide bits on AMD's processors
    OtherGroups: Twin(Plain),
    TensorRate: Twin(Plain),
    SplitsGroups: Twin(Plain, resumes=False),
    MasterWeights: Twin(Plain),
    CopiesAtTheStart: Twin(Plain, resumes=False),
    RateInAnAttribute: Twin(Plain),
    Wraps: Twin(PlainMomentum),
    WrapsInAList: Twin(PlainMomentum, resumes=False),
    CountsInATensor: Twin(CountsInState),
    OnTheParameter: Twin(PlainMomentum, resumes=False),
    RarelyOnTheParameter: Twin(LooksAheadInState, resumes=False),
    WeakState: Twin(PlainMomentum, resumes=False),
    HalfPrecision: Twin(HalfPrecision, resumes=False),
    LoadsNothing: Twin(PlainMomentum, resumes=False),
    SavesHalf: Twin(PlainMomentum, resumes=False),
    OwnNumPyGenerator: Twin(OwnNumPyGenerator, resumes=False),
    OwnPythonGenerator: Twin(OwnPythonGenerator, resumes=False),
    OneByOne: Twin(torch.optim.AdamW),
    Fused: Twin(Fused),
    Averages: Twin(Averages),
}
