"""An ordinary training script, as who uses another tool writes it: torch.optim and a plain loop.

Model and data are the workload's own, so that every contender of `benchmark_peers.py` trains the same
thing. A trial appends a line to a log when it begins, at each evaluation and when it ends: a scheduler may
end it in between.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Report = Callable[[int, float], bool]  # (how many evaluations so far, error): whether to stop


class Setting(NamedTuple):
    """What is trained: the nodes of a resolved study that a script needs, and where trials are logged."""

    workload: dict[str, Any]
    model: dict[str, Any]
    data: dict[str, Any]
    axes: dict[str, dict[str, Any]]  # ranges of hyperparameters, as in conf/search_space
    log: str
    threads: int | None = 1  # None: as many as PyTorch takes by itself
    flush: bool = (
        False  # subnormal numbers to zero, as the harness does: PyTorch does not by itself
    )

    @staticmethod
    def read(path: str | Path) -> Setting:
        return Setting(**json.loads(Path(path).read_text(encoding="utf-8")))


def draw(axes: Mapping[str, Mapping[str, Any]], seed: int) -> dict[str, float]:
    """A random point."""
    rng = np.random.default_rng(seed)
    point = {}
    for name, axis in axes.items():
        if "choices" in axis:
            point[name] = float(rng.choice(axis["choices"]))
        elif axis["scale"] == "log":
            point[name] = float(np.exp(rng.uniform(np.log(axis["low"]), np.log(axis["high"]))))
        else:
            point[name] = float(rng.uniform(axis["low"], axis["high"]))
    return point


def train(
    setting: Setting, point: Mapping[str, float], seed: int, report: Report = lambda *_: False
) -> float:
    """Train one trial with momentum and linear decay; its last validation error, infinite if it diverged."""
    import torch

    name = f"{seed}-{os.getpid()}"
    _note(setting.log, name, 0)
    torch.set_flush_denormal(setting.flush)
    if setting.threads:
        torch.set_num_threads(setting.threads)
    task = _task(json.dumps([setting.workload, setting.model, setting.data]))
    steps, every = setting.workload["steps"], setting.workload["eval_every"]
    torch.manual_seed(seed)
    model = task.model()
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=point["lr"],
        momentum=1 - point["one_minus_momentum"],
        weight_decay=point.get("l2", 0.0),
    )
    decay = torch.optim.lr_scheduler.LinearLR(
        optimizer, 1.0, point["end_factor"], max(round(point["decay_steps_factor"] * steps), 1)
    )
    error, carry, step = math.inf, None, 0
    for step in range(1, steps + 1):
        loss, carry = task.train_loss(model, step - 1, seed, carry)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
        if not loss.isfinite():
            error = math.inf
            break
        if step % every == 0:
            error = task.evaluate(model, "validation")[0]
            _note(setting.log, name, step)
            if report(step // every, error):
                break
    if step == steps and math.isfinite(error):
        task.evaluate(model, "test")
    _note(setting.log, name, step)
    return error


@cache
def _task(key: str) -> Any:
    workload, model, data = json.loads(key)
    module = importlib.import_module(workload["module"])
    return module.load(data, model, workload["batch_size"], "cpu")


def _note(log: str, trial: str, steps: int) -> None:
    """One write of a line to the end: whole, whoever else writes."""
    line = json.dumps({"trial": trial, "time": time.time(), "steps": steps}) + "\n"
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
