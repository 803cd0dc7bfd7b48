"""How a composed configuration says its study is pruned."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from omegaconf import DictConfig, OmegaConf

from harness.config.schema import PruningName
from harness.errors import ConfigError
from harness.study.pruning import Pruning
from harness.study.request import Request
from harness.study.rung_choice import Auto


def of(config: DictConfig) -> Pruning | Auto | None:
    """The pruning of a configuration, None where there is none.

    Raises:
        ConfigError: a setting that is none, or one that has no meaning under ``pruning=none``.
    """
    node: dict[str, Any] = OmegaConf.to_container(config.pruning, resolve=True)  # type: ignore[assignment]
    given = {name: value for name, value in node.items() if name != "name" and value is not None}
    if config.pruning.name is PruningName.none:
        if given:
            name, value = next(iter(given.items()))
            raise ConfigError(
                f"pruning.{name}={value} says nothing without pruning=halving or auto; add one"
            )
        return None
    given.pop("leave_open", None)
    kind = Auto if config.pruning.name is PruningName.auto else Pruning
    for name in sorted(given.keys() - {field.name for field in fields(kind)}):
        raise ConfigError(
            f"pruning.{name}={given[name]} says nothing under pruning={config.pruning.name.value};"
            " leave it out"
        )
    if kind is Auto:
        return Auto(**given)
    given["rungs"] = tuple(given.get("rungs", ()))
    keep = given.get("keep")
    shares = keep if isinstance(keep, list) else [keep] * len(given["rungs"])
    if any(isinstance(share, bool) or not isinstance(share, int | float) for share in shares):
        raise ConfigError(
            f"pruning.keep must be a share such as 0.5, or a list of one a rung, got {keep!r}"
        )
    return Pruning(**{**given, "keep": tuple(map(float, shares))})


def check(config: DictConfig, request: Request) -> None:
    """That a request can be pruned as its configuration says.

    Raises:
        ConfigError: a rung that is no evaluation point; a request for a number of feasible trials.
    """
    pruning = of(config)
    if pruning is None:
        return
    workload = request.study.config["workload"]
    _ = pruning.candidates(workload) if isinstance(pruning, Auto) else pruning.steps(workload)
    if request.num_feasible is not None:
        raise ConfigError(
            "num_feasible= counts trials that were trained to the end, which pruning= leaves; give"
            " num_feasible=null max_trials=null num_trials="
        )
