"""What a workload says before anything is trained: are its model and data as they should be?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import ConfigError
from harness.running.saying import tell
from harness.study.parametrisation import hyperparameters
from harness.study.study import Study
from harness.training import optimizers
from harness.training.signatures import module_at

if TYPE_CHECKING:
    from harness.training.chain import Chain

Node = Mapping[str, Any]
"""A study's configuration, of which workload, model and data are read here."""


def check_models(nodes: Sequence[Node]) -> None:
    """Each distinct model's settings once.

    Raises:
        ConfigError: a workload's module can't be imported, or has no ``load``.
        DataError: what a workload finds wrong with its model.
    """
    for node in nodes:
        if not callable(getattr(_module(node), "load", None)):
            raise ConfigError(
                f"workload.module {node['workload']['module']!r} has no function load(data, model,"
                " batch_size, device); see docs/your-own.md"
            )
    _ask(nodes, "check_model", "model")


def training_examples(node: Node) -> int:
    """How many examples a workload trains on.

    Raises:
        ConfigError: it does not say.
    """
    answer = _ask([node], "training_examples", "data")[0]
    if answer is None:
        raise ConfigError(
            f"workload.batch_size=all: {node['workload']['module']} has no training_examples(data); give the"
            " number of examples in its training set"
        )
    return int(answer)


def data_digests(nodes: Sequence[Node]) -> list[str | None]:
    """The SHA-256 of each node's data, None where its workload does not tell.

    Each distinct data set is asked for once: fetching it may take long.

    Raises:
        DataError: what a workload finds wrong with its data.
    """
    return [None if answer is None else str(answer) for answer in _ask(nodes, "prepare", "data")]


def check_optimizers(studies: Sequence[Study]) -> None:
    """Each optimizer that is not all ours built on its workload's real model, and rehearsed there.

    At its first point, with made-up gradients: no data is read for them.

    Raises:
        ConfigError: it can't be built or stepped there; a parameter that no group takes, or two.
        DataError: what a workload finds wrong with its data.
    """
    if not any(optimizers.by_class(study.config["optimizer"]) for study in studies):
        return
    import torch

    # As in a worker. Beside other work two threads take minutes for what one does in seconds.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for study in studies:
            if optimizers.by_class(study.config["optimizer"]):
                _check_optimizer(study)
    finally:
        torch.set_num_threads(threads)


def _check_optimizer(study: Study) -> None:
    from harness.running.trial import load_task
    from harness.training.chain import Chain
    from harness.training.effective_rate import in_learning_rates
    from harness.training.rehearsal import rehearse

    rule, schedule = study.config["optimizer"], study.config["schedule"]["name"]
    named, steps = optimizers.described(rule), study.config["workload"]["steps"]
    task = load_task(study, "cpu")
    hyper = hyperparameters(in_learning_rates(study.config, study.point(0), task.model))

    def begin() -> Chain:
        return Chain(rule, schedule, task.model(), hyper, steps)

    try:
        warning = rehearse(begin, named, schedule != "constant")
    except ConfigError:
        raise
    except Exception as error:  # whatever a class of others raises
        told = " ".join(str(error).split())[:300] or type(error).__name__
        shown = ", ".join(
            f"{name}={value if isinstance(value, str) else format(value, 'g')}"
            for name, value in hyper.items()
        )
        raise ConfigError(
            f"{named} cannot be built and stepped on the model of {study.workload} with {shown}:"
            f" {told}; mend the class or its search space"
        ) from error
    if warning:
        tell(warning)


def _ask(nodes: Sequence[Node], function: str, part: str) -> list[Any]:
    """What each node's workload answers; None where it lacks the function."""
    answers: dict[str, Any] = {}
    keys = []
    for node in nodes:
        key = json.dumps([node["workload"]["module"], node[part]], sort_keys=True)
        keys.append(key)
        if key not in answers:
            ask = getattr(_module(node), function, None)
            answers[key] = ask(node[part]) if ask else None
    return [answers[key] for key in keys]


def _module(node: Node) -> Any:
    name = node["workload"]["module"]
    try:
        return module_at("workload.module", name)
    except ConfigError:
        raise
    except (ImportError, ValueError, TypeError) as error:
        raise ConfigError(
            f"workload.module {name!r} cannot be imported ({error}); give a module on the Python path"
        ) from None
