"""How many trials of a study are trained as one: as asked for, or what a short probe says pays.

Measured in a process of its own: some training steps of one trial and of ever larger stacks, data
order included, evaluations not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from typing import Any

from harness.errors import ConfigError, SweepError
from harness.running import probe
from harness.running.shared_queue import SharedQueue
from harness.study.study import Study

AUTO = "auto"
SIZES = (8, 32, 128, 512, 2048)
SECONDS = 0.3  # each is measured
LEAST_GAIN = 1.2  # less is not worth giving up checkpoints
BUSY = 0.9  # of the workers' time
ABOUT_AS_FAST = 1.1  # of sizes within it the smaller is taken: less is lost when one is stopped
Microseconds = dict[int, float]
"""A training step of one trial, by how many are trained as one; 1: alone, as ever."""


def why_not(study: Study) -> str | None:
    """Why a study's trials cannot be trained as one, None where they can."""
    import importlib

    from harness.training import stacked

    if study.asks:
        return f"sampler={study.config['sampler']['name']} chooses trials by those before them"
    module = study.config["workload"]["module"]
    if not callable(getattr(importlib.import_module(module), "load_stacked", None)):
        return f"{module} has no function load_stacked"
    return stacked.why_not(study.config)


def check(studies: Sequence[Study], stack: int | str) -> None:
    """That trials of all studies can be trained as one, where a number of them is asked for.

    Raises:
        ConfigError: a study that can't.
    """
    for study in studies:
        if isinstance(stack, int) and stack > 1 and (reason := why_not(study)):
            raise ConfigError(
                f"stack={stack}: trials of {study.workload}/{study.optimizer} cannot be trained as one:"
                f" {reason}; leave stack= out, or give stack=auto to stack only what can be"
            )


def arrange(queues: Sequence[SharedQueue], stack: int | str, device: str, workers: int) -> None:
    """Set how many trials each queue hands out as one; queues tell what was chosen, and why."""
    measured: dict[str, Microseconds | str] = {}
    parts = blocks_a_study(sum(each.queue.missing > 0 for each in queues), workers)
    for each in queues:
        study, missing = each.queue.request.study, each.queue.missing
        most = stack if isinstance(stack, int) else max(SIZES)
        share = min(-(-missing // parts), most)
        if share <= 1:
            continue
        if stack == AUTO:
            told = f"{study.workload}/{study.optimizer}: stack=auto"
            if share < SIZES[0]:
                each.news.append(f"{told}: one by one: {share} trials a worker are too few")
                continue
            if reason := why_not(study):
                each.news.append(f"{told}: one by one: {reason}")
                continue
            if each.rungs is not None:
                each.news.append(f"{told}: one by one: the study is pruned")
                continue
            alike = {name: node for name, node in study.config.items() if name in SAME_COST}
            key = json.dumps(alike, sort_keys=True)
            if key not in measured:
                measured[key] = measure(study, device, share)
            share, why = choose(measured[key], share)
            each.news.append(f"{told}: {why}")
        if share > 1:
            # Of one size: no worker waits for a last large one.
            blocks = parts * -(-missing // (parts * share))
            each.stack = -(-missing // blocks)


# What steps of a rule of ours cost is told by these.
SAME_COST = ("workload", "model", "data", "precision")


def blocks_a_study(studies: int, workers: int) -> int:
    """Into how many blocks each study is cut at least: few and large, so that no worker waits for long.

    The fewest by which workers are busy nine tenths of the time, if all blocks take as long.

    >>> [blocks_a_study(*each) for each in ((6, 6), (6, 2), (1, 6), (3, 2), (108, 16))]
    [1, 1, 6, 2, 1]
    """
    for parts in range(1, workers):
        blocks = max(studies, 1) * parts
        if blocks / (workers * math.ceil(blocks / workers)) >= BUSY:
            return parts
    return workers


def choose(measured: Microseconds | str, most: int) -> tuple[int, str]:
    """How many to train as one, at most so many, and the reason in words.

    >>> choose({1: 450.0, 8: 70.0, 32: 20.0, 128: 19.0}, 100)
    (32, '32 trials as one: 20 µs a training step of a trial instead of 450 (22x; of 8: 70, 32: 20)')
    >>> choose({1: 90.0, 8: 80.0}, 100)[1]
    'one by one: 90 µs a training step of a trial, as one 80 at best'
    """
    if isinstance(measured, str):
        return 1, f"one by one: {measured}"
    alone = measured[1]
    stacks = {size: each for size, each in measured.items() if 1 < size <= most}
    best = min(stacks.values(), default=alone)
    if alone < LEAST_GAIN * best:
        shown = f"one by one: {alone:.3g} µs a training step of a trial, as one {best:.3g} at best"
        return 1, shown
    size = min(each for each, found in stacks.items() if found <= ABOUT_AS_FAST * best)
    each = stacks[size]
    sizes = ", ".join(f"{size}: {found:.3g}" for size, found in stacks.items())
    if size < most < 2 * size:  # not two blocks for a few more
        size = most
    return size, (
        f"{size} trials as one: {each:.3g} µs a training step of a trial instead of {alone:.3g}"
        f" ({alone / each:.0f}x; of {sizes})"
    )


def measure(study: Study, device: str, most: int) -> Microseconds | str:
    """What a step takes by size of the stack; or why that could not be measured."""
    try:
        found: Microseconds = probe.apart(_measure, study, device, most)
    except SweepError as error:
        return str(error)
    return found


def _measure(study: Study, device: str, most: int) -> Microseconds:
    """In a process of its own."""
    import torch

    from harness.running.block import load_stacked
    from harness.training.stacked import StackedTraining, points_in_learning_rates

    found = {1: 1e6 * probe.cost(study, device, SECONDS).seconds_a_step}
    task = load_stacked(study, device)
    few = points_in_learning_rates(study.config, [study.point(t) for t in range(SIZES[0])], task)
    for size in SIZES:
        if size > most:
            break
        points = [few[trial % len(few)] for trial in range(size)]
        try:
            training = StackedTraining(
                study.config, points, [study.seeds(t) for t in range(size)], task, device
            )
            found[size] = 1e6 * _seconds_a_step(training, device) / size
        except (RuntimeError, MemoryError):
            if len(found) == 1:
                raise
            break  # memory is short: the smaller ones are known
        if found[size] > 1.5 * min(found.values()):
            break
        if device != "cpu":
            torch.cuda.empty_cache()
    return found


def _seconds_a_step(training: Any, device: str) -> float:
    import torch

    factors = training.factors(0, 1)[0]
    made, began = 0, time.perf_counter()
    last = training.workload["steps"]
    while training.step < last:
        training.train_one_step(factors)
        made += 1
        if training.step == probe.WARM_UP:
            made, began = 0, time.perf_counter()
        if made >= probe.LEAST_STEPS and time.perf_counter() - began > SECONDS:
            break
    if device != "cpu":
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / max(made, 1)
