"""From composed configurations to studies and requests, checked across their parts."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from harness.config import how, methods, pruning
from harness.errors import ConfigError, unknown
from harness.running import checks, stacking
from harness.study import indices
from harness.study.parametrisation import EFFECTIVE_LR, check_groups, meaning, split
from harness.study.request import Request
from harness.study.space import parse
from harness.study.study import (
    OPTIONAL_KEYS,
    RUN_KEYS,
    STUDY_KEYS,
    Study,
    chooses_how,
    key_of,
)
from harness.training import chain, optimizers

AS_THE_MODEL_HAS_IT = ("batch_norm", "width")  # settings of a model that no study has where null
ALL = "all"  # workload.batch_size: the whole training set, so that a step is one of batch descent

Job = tuple[DictConfig, tuple[str, ...]]
"""A composed configuration and the words that compose it again."""


def requests(jobs: Sequence[Job]) -> list[Request]:
    """What the jobs of one command ask for; those of one study and folder together. See `asked`."""
    return [request for request, _ in asked(jobs)]


def asked(jobs: Sequence[Job]) -> list[tuple[Request, Job]]:
    """`requests`, each with the first job that asks for it.

    All that can be known of every job is checked first; then each model, then each data set.

    Raises:
        ConfigError: a job that is none, or two that contradict each other.
        DataError: what a workload finds wrong with its model or data.
    """
    nodes = [study_node(config) for config, _ in jobs]
    _check_names(nodes)
    for config, words in jobs:
        _check_trials(config, words)
    checks.check_models(nodes)
    found: dict[tuple[str, str], tuple[Request, Job]] = {}
    digests = checks.data_digests(nodes)
    for job, node, digest in zip(jobs, nodes, digests, strict=True):
        config, words = job
        one = request(config, of_node(node, digest, words), words)
        key = (one.root, one.study.name)
        methods.check(config, one)
        pruning.check(config, one)
        before, first = found.get(key, (one, job))
        found[key] = (_together(before, one), first)
    checks.check_optimizers([request.study for request, _ in found.values()])
    for config, _ in jobs[:1]:  # a pool has one: common_options
        stacking.check([request.study for request, _ in found.values()], how.stack(config))
    return list(found.values())


def study(config: DictConfig, words: Sequence[str] = ()) -> Study:
    """The study a composed configuration describes, its data looked up.

    Raises:
        ConfigError, DataError: as `requests`.
    """
    node = study_node(config)
    checks.check_models([node])
    return of_node(node, checks.data_digests([node])[0], words)


def of_node(node: Mapping[str, Any], digest: str | None, words: Sequence[str] = ()) -> Study:
    """The study of a `study_node` on data of a digest; a batch of all examples is that of their number.

    Raises:
        ConfigError: the batch is of all, and the workload does not say how many there are.
    """
    kept = tuple(word for word in words if not chooses_how(word))
    if node["workload"]["batch_size"] == ALL:
        size = checks.training_examples(node)
        node = {**node, "workload": {**node["workload"], "batch_size": size}}
    return Study({**node, "data_sha256": digest}, kept)


def study_node(config: DictConfig) -> dict[str, Any]:
    """What a study holds of a composed configuration, all but the digest of its data.

    Raises:
        ConfigError: a value out of range, a bad search space, an unknown rule or schedule, or
            hyperparameters they don't take.
    """
    resolved = OmegaConf.to_container(config, resolve=True, enum_to_str=True, throw_on_missing=True)
    assert isinstance(resolved, dict)
    known = (*STUDY_KEYS, *OPTIONAL_KEYS, *RUN_KEYS)
    for name in resolved.keys() - {*known, "hydra"}:  # +optimiser=adam, say
        raise unknown("configuration key", name, known, "it would do nothing")
    for name in known:
        if name not in resolved:
            raise ConfigError(f"the configuration lacks {name}; leave ~{name} out")
    node = {name: resolved[name] for name in STUDY_KEYS} | methods.of(resolved)
    _check_workload(node["workload"])
    for name, seed in (("seed", node["seed"]), ("sampler.seed", node["sampler"]["seed"])):
        if seed is not None and seed < 0:
            raise ConfigError(f"{name} must be 0 or more, got {seed}")
    node["schedule"], axes = _schedule(node["schedule"])
    node["optimizer"] = _optimizer(node["optimizer"])
    node["search_space"] = _search_space(
        optimizers.flat(node["optimizer"], node["search_space"]), axes
    )
    if node["workload"]["train_sample"] is None:
        del node["workload"]["train_sample"]
    node["model"] = {
        key: value
        for key, value in node["model"].items()
        if value is not None or key not in AS_THE_MODEL_HAS_IT
    }
    scale = node["workload"].pop("gradient_scale")
    if any(split(axis)[1] == EFFECTIVE_LR for axis in node["search_space"]):
        node["gradient_scale"] = _gradient_scale(scale)
    _note_code(node["workload"], node["workload"]["module"])
    names = {meaning(axis): 0.0 for axis in node["search_space"]}
    chain.check(node["optimizer"], node["schedule"]["name"], names)
    methods.check_words(node)
    return node


def _gradient_scale(scale: float | None) -> float:
    if scale is None or not 0 < scale < math.inf:
        raise ConfigError(
            f"an effective_lr axis needs workload.gradient_scale, the size of the workload's first"
            f" gradients, got {scale}; harness stages measures it"
        )
    return scale


def _optimizer(node: Mapping[str, Any]) -> dict[str, Any]:
    """The optimizer of a study: what is said of it, and the code that defines its classes."""
    kept = {key: value for key, value in node.items() if value not in (None, False)}
    defined_in = optimizers.modules(kept)
    if isinstance(kept.get("rule"), str) and optimizers.is_path(kept["rule"]):
        _note_code(kept, defined_in.pop(0))
    further: dict[str, Any] = {}
    for module in dict.fromkeys(defined_in):  # of groups, and of classes among the arguments
        found: dict[str, Any] = {}
        _note_code(found, module)
        if found:
            further[module] = found["code"]
    return {**kept, "codes": further} if further else kept


def _schedule(node: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schedule of a study, and the axes that it adds to the search space."""
    axes = {name: axis for name, axis in node.items() if name not in ("name", "code")}
    name = node.get("name")
    if not isinstance(name, str):
        raise ConfigError(f"schedule.name must be a schedule's name, got {name!r}; such as linear")
    chain.check_axes(name, axes)
    kept = {"name": name}
    if "." in name:
        _note_code(kept, name.rpartition(".")[0])
    return kept, axes


def _search_space(node: Mapping[str, Any], of_schedule: Mapping[str, Any]) -> dict[str, Any]:
    """All axes as a study keeps them, those of the schedule last; the search space's own word wins.

    A further axis leaves the earlier coordinates of a Halton point as they are.
    """
    check_groups(node)
    further = {name: axis for name, axis in of_schedule.items() if name not in node}
    return {name: axis.node for name, axis in parse({**node, **further}).items()}


def _check_names(nodes: Sequence[Mapping[str, Any]]) -> None:
    """One name means one optimizer and one workload: results lie in folders of these names."""
    means = {"optimizer": optimizers.described, "workload": lambda node: str(node["module"])}
    for part, told in means.items():
        seen: dict[str, str] = {}
        for node in nodes:
            name, value = node[part]["name"], told(node[part])
            if seen.setdefault(name, value) != value:
                raise ConfigError(
                    f"{part}.name {name!r} stands for {seen[name]} in one job and for {value} in"
                    f" another; give the second a name of its own, in its file or by {part}.name="
                )


def request(config: DictConfig, of: Study, words: Sequence[str] = ()) -> Request:
    """Which trials of the study the configuration asks for.

    Raises:
        ConfigError: a number of trials beside a number of feasible ones, an experiment's perhaps;
            or a number that is none.
    """
    _check_trials(config, words)
    if not config.root or config.report == "":  # as root=$FOLDER is where there is no such variable
        key = "report" if config.root else "root"
        raise ConfigError(f"{key}= is empty; give a folder, such as {key}=results")
    root = os.path.expanduser(config.root)
    trial = OmegaConf.to_container(config, resolve=True)["trial"]  # type: ignore[index, call-overload]
    if type(trial) is int:
        return Request(of, root, first_trial=trial, num_trials=1)
    if trial is not None:
        return Request(of, root, trials=indices.parse(trial))
    return Request(
        of, root, config.first_trial, config.num_trials, config.num_feasible, config.max_trials
    )


def _check_trials(config: DictConfig, words: Sequence[str]) -> None:
    if (
        config.trial is None
        and config.num_feasible is not None
        and "num_trials" in map(key_of, words)
    ):
        raise ConfigError(
            f"num_trials={config.num_trials} and num_feasible={config.num_feasible} contradict each"
            " other; to run that many trials add num_feasible=null max_trials=null"
        )


def _together(one: Request, other: Request) -> Request:
    """Two requests of one study as one: the trials of both, each once."""
    if one == other:
        return one
    if one.num_feasible or other.num_feasible:
        raise ConfigError(
            f"two jobs ask for different numbers of feasible trials of {one.study.name}; ask for one"
        )
    return replace(one, trials=tuple(sorted({*one.indices, *other.indices})))


def _check_workload(workload: Mapping[str, Any]) -> None:
    size = workload["batch_size"]
    if size != ALL and (type(size) is not int or size < 1):
        raise ConfigError(f"workload.batch_size must be 1 or more, or {ALL}, got {size!r}")
    for name in ("steps", "eval_every"):
        if workload[name] < 1:
            raise ConfigError(f"workload.{name} must be 1 or more, got {workload[name]}")
    if workload["train_sample"] is not None and workload["train_sample"] < 1:
        raise ConfigError(
            f"workload.train_sample must be 1 or more, got {workload['train_sample']}"
        )
    every, test_every = workload["eval_every"], workload["test_every"]
    if test_every < 0 or test_every % every:
        raise ConfigError(
            f"workload.test_every must be a multiple of eval_every={every} (or 0: at the end only),"
            f" got {test_every}"
        )


OURS = ("torch", "workloads", "harness")  # whose code the versions in each record name


def _note_code(node: dict[str, Any], module: str) -> None:
    """A user's own code is part of the study: edited, it makes another one."""
    if not module or module.partition(".")[0] in OURS:
        return
    with contextlib.suppress(Exception, SystemExit):  # said where it is imported
        spec = importlib.util.find_spec(module)
        if spec and spec.origin and Path(spec.origin).is_file():
            node["code"] = hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()[:12]
