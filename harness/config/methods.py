"""What a study holds of the methods beside optimizer and schedule, each only where it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig

from harness.errors import ConfigError
from harness.records import difficulty
from harness.study import asking
from harness.study.request import Request
from harness.study.result import EXPONENTIAL, POLYAK
from harness.study.sampling import ASKING, SETTINGS
from harness.study.space import Choices, parse
from harness.training import optimizers

SHUFFLED = "shuffled"  # the default of order=


def of(resolved: Mapping[Any, Any]) -> dict[str, Any]:
    """The nodes of `harness.study.study.OPTIONAL_KEYS` that a composed configuration uses; its sampler.

    Raises:
        ConfigError: a value out of range, or one that says nothing by itself.
    """
    found = {
        "sampler": _sampler(resolved["sampler"]),
        "stopping": _stopping(resolved),
        "averaging": _averaging(resolved),
        "order": _order(resolved["order"]),
    }
    return {name: node for name, node in found.items() if node}


def _given(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if value is not None}


def _sampler(node: Mapping[str, Any]) -> dict[str, Any]:
    """With its own settings alone: those of any study were name and seed."""
    name = node["name"]
    own = SETTINGS.get(name, ())
    for key, value in node.items():
        if key in ("name", "seed") or (value is None and key not in own):
            continue
        if key not in own:
            raise ConfigError(
                f"sampler.{key}={value} says nothing under sampler={name}; leave it out"
            )
        if value is None or value < 1:
            raise ConfigError(f"sampler.{key} must be 1 or more, got {value}; give sampler={name}")
    if name in ASKING:
        asking.check()
    return {key: node[key] for key in ("name", "seed", *own)}


def _stopping(resolved: Mapping[str, Any]) -> dict[str, Any]:
    node = _given(resolved["stopping"])
    if not node:
        return node
    if "patience" not in node:
        raise ConfigError(
            f"stopping.margin={node['margin']:g} says nothing without stopping.patience; add one"
        )
    if node["patience"] < 1:
        raise ConfigError(f"stopping.patience must be 1 or more, got {node['patience']}")
    if not node.setdefault("margin", 0.0) >= 0:
        raise ConfigError(f"stopping.margin must be 0 or more, got {node['margin']:g}")
    if resolved["pruning"]["name"] != "none":
        raise ConfigError(
            "stopping.patience ends a trial before its rungs, which pruning= compares it at; leave one"
            " of them out"
        )
    return node


def _averaging(resolved: Mapping[str, Any]) -> dict[str, Any]:
    node = _given(resolved["averaging"])
    for name, what in ((EXPONENTIAL, "a decay"), (POLYAK, "a share of the steps")):
        if name in node and not 0 <= node[name] < 1:
            raise ConfigError(f"averaging.{name} is {what} in [0, 1), got {node[name]:g}")
    return node


def _order(node: Mapping[str, Any]) -> dict[str, Any]:
    node = _given(node)
    name = node.pop("name")
    if name == SHUFFLED:
        if node:
            key, value = next(iter(node.items()))
            raise ConfigError(
                f"order.{key}={value} says nothing under order=shuffled; leave it out"
            )
        return {}
    for key, least in (("start", 0.0), ("pace", 0.0)):
        if key in node and not least < node[key] <= 1:
            raise ConfigError(f"order.{key} is a share in (0, 1], got {node[key]:g}")
    if not node.get("scores"):
        raise ConfigError(
            f"order={name} needs order.scores=FILE, the difficulty of each training example; harness"
            " difficulty writes one"
        )
    return {
        "name": name,
        **node,
        "scores_sha256": difficulty.digest(difficulty.read(node["scores"])),
    }


def check(config: DictConfig, one: Request) -> None:
    """That trials which are chosen by those before them can be run in that order.

    Raises:
        ConfigError: they are pruned, or asked for in another order.
    """
    if not one.study.asks:
        return
    name = config.sampler.name.value
    if config.pruning.name.value != "none":
        raise ConfigError(
            f"sampler={name} chooses by final errors, which pruning= leaves out; give pruning=none"
        )
    if one.first_trial or one.trials is not None:
        raise ConfigError(
            f"sampler={name} chooses trials by those before them, in their order; ask for num_trials="
            " alone, from the first"
        )


def check_words(node: Mapping[str, Any]) -> None:
    """Our rules and schedules are equations; the arguments of a class may be words.

    Raises:
        ConfigError: words for one of ours.
    """
    if not optimizers.by_class(node["optimizer"]):
        for name, axis in parse(node["search_space"]).items():
            if isinstance(axis, Choices) and axis.of_words:
                raise ConfigError(
                    f"search_space.{name} is a number of {optimizers.described(node['optimizer'])}, got the"
                    f" words {', '.join(axis.choices)}"
                )
