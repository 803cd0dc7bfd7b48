"""Which optimizers are special cases of which: the inclusion hierarchy of Choi et al. (section 3.2).

``A ⊆ B``: for every setting of A there are settings of B whose trajectories come arbitrarily close.
An inclusion can only show in an experiment when B's search space holds (nearly) the image of A's,
so each edge also says where A's searched coordinates land among B's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from harness.study.parametrisation import EFFECTIVE_LR, FROM_ONE, ONE_MINUS, meaning
from harness.study.space import Axis, Choices

Point = Mapping[str, float]


class Edge(NamedTuple):
    """One inclusion ``special ⊆ general``.

    ``how`` says by which setting the general one does what the special one does, and how nearly.
    ``image`` maps a point of the special optimizer's search space (coordinates by name) to the
    coordinates the general one needs; ``limit`` names coordinates that must reach a bound for the
    approximation to be close: ``{"eps": 1.0}`` means the space must contain ``eps >= 1``.
    """

    special: str
    general: str
    how: str
    image: Callable[[Point], dict[str, float]]
    limit: Mapping[str, float]


def _same(**extra: float) -> Callable[[Point], dict[str, float]]:
    return lambda point: {**point, **extra}


# An effective_lr stays what it is: in the limit both make the same steps.
def _momentum_in_rmsprop(point: Point) -> dict[str, float]:
    return {"lr_over_sqrt_eps" if name == "lr" else name: value for name, value in point.items()}


def _momentum_in_adam(point: Point) -> dict[str, float]:
    image = dict(point)
    lr, one_minus_beta1 = image.pop("lr", None), image.pop("one_minus_momentum")
    image = {"one_minus_beta1": one_minus_beta1, **image}
    if lr is None:
        return image
    return {"lr_over_eps": lr / one_minus_beta1 if one_minus_beta1 else math.inf, **image}


# Adaptive terms vanish when eps dwarfs sqrt(v), the gradient's size: a per-coordinate gradient
# seldom exceeds 1 on these workloads, so a space reaching eps = 1 comes near, 1e3 nearer.
LARGE_EPS = {"eps": 1.0}

ZERO_MOMENTUM = "momentum = 0"
# RMSProp's buffer holds lr · g: when lr changes, past steps keep their old lr, Momentum's take the new.
RMSPROP_LIMIT = "eps → ∞ at lr/√eps = lr; exact while lr is constant"
# b(t) is the bias correction √(1 - beta2^t) / (1 - beta1^t); no axis of a search space cancels it.
ADAM_LIMIT = "eps → ∞ at lr/eps = lr/(1 - momentum), times b(t), which tends to 1"

EDGES: tuple[Edge, ...] = (
    Edge("sgd", "momentum", ZERO_MOMENTUM, _same(one_minus_momentum=1.0), {}),
    Edge("sgd", "nesterov", ZERO_MOMENTUM, _same(one_minus_momentum=1.0), {}),
    Edge("momentum", "rmsprop", RMSPROP_LIMIT, _momentum_in_rmsprop, LARGE_EPS),
    Edge("momentum", "adam", ADAM_LIMIT, _momentum_in_adam, LARGE_EPS),
    Edge("nesterov", "nadam", ADAM_LIMIT, _momentum_in_adam, LARGE_EPS),
)


def _from_one(space: Mapping[str, Axis]) -> dict[str, Axis]:
    """A space in the coordinates of the maps: ``one_minus_beta1`` also where beta1 itself is given."""
    return {
        **{name: axis for name, axis in space.items() if name not in FROM_ONE},
        **{f"{ONE_MINUS}{name}": _mirrored(space[name]) for name in FROM_ONE if name in space},
    }


def _mirrored(axis: Axis) -> Axis:
    """The ends of ``1 - x``; how it is filled between them does not matter here."""
    low, high = axis.ends
    return Choices(f"{ONE_MINUS}{axis.name}", (1 - high, 1 - low))


def _same_rates(
    edge: Edge, special: dict[str, Axis], general: Mapping[str, Axis]
) -> tuple[dict[str, Axis], list[str]]:
    """The special space with its learning rate in the general one's coordinate, and why it isn't.

    SGD's effective learning rate is its learning rate. Where one of the two spaces has the effective
    rate and the other has not, the rates are left out.
    """
    here, there = (
        next((name for name in space if meaning(name) == "lr"), "") for space in (special, general)
    )
    if not here or not there or (here == EFFECTIVE_LR) == (there == EFFECTIVE_LR):
        return special, []
    rate = special.pop(here)
    if edge.special == "sgd":
        return {EFFECTIVE_LR if here == "lr" else "lr": rate, **special}, []
    return special, [f"{there} is not compared with {edge.special}'s {here}: other coordinates"]


def gaps(edge: Edge, special: Mapping[str, Axis], general: Mapping[str, Axis]) -> list[str]:
    """Where the image of the special optimizer's space leaves the general one's: a line per axis.

    Every corner of the special space's box is mapped; the image of a box under these maps is
    bounded by the images of its corners (they are monotone in each coordinate, in log scale).
    An empty list means the general space holds all of the special one's image, as nearly as the
    edge's ``how`` allows.
    """
    general = _from_one(general)
    found, ranges, least = needs(edge, special, general)
    found += [
        f"{name} needs [{low:g}, {high:g}], has {_show(general.get(name))}"
        for name, (low, high) in ranges.items()
        if not _holds(general.get(name), low, high)
    ]
    found += [
        f"{name} needs a value of {bound:g} or more, has {_show(general.get(name))}"
        for name, bound in least.items()
        if name not in general or general[name].ends[1] < bound
    ]
    return found


class Needs(NamedTuple):
    """What an inclusion asks of the general optimizer's space: ranges and least values, by axis."""

    not_compared: list[str]
    ranges: dict[str, tuple[float, float]]
    least: Mapping[str, float]


def needs(edge: Edge, special: Mapping[str, Axis], general: Mapping[str, Axis]) -> Needs:
    """The image of the special optimizer's space in the coordinates of the general one."""
    special, not_compared = _same_rates(edge, _from_one(special), general)
    needed: dict[str, list[float]] = {}
    for corner in _corners(special):
        for name, value in edge.image(corner).items():
            needed.setdefault(name, []).append(value)
    ranges = {name: (min(values), max(values)) for name, values in needed.items()}
    return Needs(not_compared, ranges, edge.limit)


def _holds(axis: Axis | None, low: float, high: float) -> bool:
    if axis is None:
        return False
    axis_low, axis_high = axis.ends
    slack = 1 + 1e-9  # the maps divide; equal bounds may differ in the last bit
    return axis_low <= low * slack and high <= axis_high * slack


def _show(axis: Axis | None) -> str:
    return "no such axis" if axis is None else "[{:g}, {:g}]".format(*axis.ends)


def _corners(space: Mapping[str, Axis]) -> list[dict[str, float]]:
    corners: list[dict[str, float]] = [{}]
    for name, axis in space.items():
        ends = sorted(set(axis.ends))
        corners = [{**corner, name: end} for corner in corners for end in ends]
    return corners
