"""What training many trials as one gains over one by one: a table, a line a workload and size.

    python scripts/benchmark_stacked.py --device cpu quadratic_deep digits_mlp
    python scripts/benchmark_stacked.py --device cuda

Prints microseconds a trial's training step, one by one (as the harness trains a trial: loss, rule,
data order) and stacked, medians of rounds that alternate; and the ratio. Images and text are made
up, of the workloads' sizes: speed does not depend on what they show. All run the harness's own
stacked tasks but the ResNet, which has none: here it is stacked by torch.func.vmap to see whether it
would pay (batch norm without running statistics).

`equal` is the largest relative difference of the losses of the first twenty steps.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import nn
from torch.func import replace_all_batch_norm_modules_

from harness.training.stacked import StackedTraining
from harness.training.train import Training
from workloads.tasks.images import ImageTask, Preparation
from workloads.tasks.stacked_images import StackedImages

POINT = {"lr": 1e-3, "one_minus_beta1": 0.1, "one_minus_beta2": 0.001, "eps": 1e-8}  # Adam's
MOST_STEPS = 1_000_000
SHOWN_EQUAL = 20  # steps
Tasks = tuple[Any, Any]  # a Task, and a StackedTask or None


# --- the workloads --------------------------------------------------------------------------------


def quadratic_deep(device: str) -> Tasks:
    from workloads import quadratic_deep

    given = ({}, {}, 128, device)
    return quadratic_deep.load(*given), quadratic_deep.load_stacked(*given)


def digits_mlp(device: str) -> Tasks:
    from workloads.models.dense import mlp

    plain = Preparation(mean=[4.9], std=[6.0])
    task = image_task(lambda: mlp(64, 32, 10), (8, 8, 1), 1077, 64, plain, device)
    return task, StackedImages(task)


def cifar10_resnet8(device: str) -> Tasks:
    from workloads.models.resnet import ResNet

    augmented = Preparation(mean=[125.0] * 3, std=[60.0] * 3, crop_pad=4)
    task = image_task(lambda: ResNet(8, 16, 10), (32, 32, 3), 5000, 256, augmented, device)
    stacked = StackedImages(task)
    replace_all_batch_norm_modules_(stacked.of_one)
    return task, stacked


def image_task(
    build: Callable[[], nn.Module],
    shape: tuple[int, ...],
    count: int,
    batch_size: int,
    preparation: Preparation,
    device: str,
) -> ImageTask:
    random = np.random.default_rng(0)
    images = random.integers(17 if shape[2] == 1 else 256, size=(count, *shape), dtype=np.uint8)
    parts = {name: np.arange(count) for name in ("train", "validation", "test")}
    return ImageTask(
        images,
        random.integers(10, size=count),
        parts,
        build_model=build,
        preparation=preparation,
        batch_size=batch_size,
        device=device,
        data_description={},
    )


def war_and_peace_lstm(device: str) -> Tasks:
    from workloads.tasks.characters import CharacterTask
    from workloads.tasks.stacked_characters import StackedCharacters

    letters = [chr(each) for each in range(40, 123)]
    text = "".join(np.random.default_rng(0).choice(letters, 300_000))
    model = {"hidden_size": 128, "layers": 2, "dropout": 0.2, "sequence_length": 50}
    task = CharacterTask(text, "made up", model, 50, device)
    return task, StackedCharacters(task)


WORKLOADS = {
    each.__name__: each
    for each in (quadratic_deep, digits_mlp, war_and_peace_lstm, cifar10_resnet8)
}
DETERMINISTIC = (
    "quadratic_deep",
    "digits_mlp",
    "war_and_peace_lstm",
)  # no batch norm: equal step by step


# --- the measurement ------------------------------------------------------------------------------


def config(workload: str) -> dict[str, Any]:
    return {
        "workload": {"name": workload, "steps": MOST_STEPS, "eval_every": 100, "test_every": 0},
        "optimizer": {"name": "adam", "rule": "adam"},
        "schedule": {"name": "linear"},
        "precision": "float32",
    }


def seeds(trial: int) -> dict[str, int]:
    return dict.fromkeys(("initialisation", "data_order", "dropout"), trial)


def microseconds(take_step: Callable[[], object], seconds: float, device: str) -> float:
    """A step takes, over at least so many seconds and two steps."""
    made, began = 0, time.perf_counter()
    while made < 2 or time.perf_counter() - began < seconds:
        take_step()
        made += 1
    if device != "cpu":
        torch.cuda.synchronize()
    return 1e6 * (time.perf_counter() - began) / made


def one_trial(workload: str, task: Any, device: str, trial: int = 0) -> Training:
    return Training(config(workload), POINT, seeds(trial), task, device)


def many(workload: str, task: Any, device: str, count: int) -> StackedTraining:
    every = [seeds(trial) for trial in range(count)]
    return StackedTraining(config(workload), [POINT] * count, every, task, device)


def stepper(training: StackedTraining) -> Callable[[], None]:
    factors = torch.ones(len(training.rows), 1, dtype=torch.float64, device=training.device)
    return lambda: training.train_one_step(factors)


def difference(workload: str, task: Any, stacked: Any, device: str) -> float:
    """The largest relative one of losses, of four trials over some steps."""
    together = many(workload, stacked, device, 4)
    take_step, told = stepper(together), []
    for _ in range(SHOWN_EQUAL):
        before = together.loss_sums.clone()
        take_step()
        told.append(together.loss_sums - before)
    found = 0.0
    for trial in range(4):
        alone = one_trial(workload, task, device, trial)
        for step in range(SHOWN_EQUAL):
            before = alone.loss_sum
            alone.train_one_step()
            loss = alone.loss_sum - before
            found = max(found, abs(float(told[step][trial]) - loss) / abs(loss))
    return found


def measure(workload: str, arguments: argparse.Namespace) -> None:
    device = arguments.device
    task, stacked = WORKLOADS[workload](device)
    alone = one_trial(workload, task, device)
    singles: list[float] = []
    found: dict[int, list[float]] = {}
    trainings: dict[int, Callable[[], None]] = {}
    equal = ""
    if workload in DETERMINISTIC:
        equal = f"{difference(workload, task, stacked, device):.0e}"
    for count in arguments.sizes:
        try:
            # One size at a time is in memory; the singles run beside each, in the same minute.
            trainings = {count: stepper(many(workload, stacked, device, count))}
            for _ in range(3):
                alone.train_one_step()
                trainings[count]()
            for _ in range(arguments.rounds):
                singles.append(microseconds(alone.train_one_step, arguments.seconds, device))
                together = microseconds(trainings[count], arguments.seconds, device)
                found.setdefault(count, []).append(together / count)
        except RuntimeError as error:
            line(workload, count, None, None, None, " ".join(str(error).split())[:90])
            continue
        finally:
            trainings.clear()
            if device != "cpu":
                torch.cuda.empty_cache()
        pairs = zip(singles[-arguments.rounds :], found[count], strict=True)
        ratios = sorted(one / other for one, other in pairs)
        line(
            workload, count, statistics.median(singles[-arguments.rounds :]),
            statistics.median(found[count]), ratios, equal,
        )  # fmt: skip


def line(
    workload: str,
    count: int,
    one: float | None,
    other: float | None,
    ratios: Sequence[float] | None,
    note: str,
) -> None:
    numbers = "" if one is None or other is None else f"{one:12.1f} {other:12.2f}"
    ratio = (
        f"{statistics.median(ratios):7.1f}x ({ratios[0]:.1f}-{ratios[-1]:.1f})" if ratios else ""
    )
    print(f"{workload:20} {count:6d} {numbers:25} {ratio:22} {note}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="workload", help=", ".join(WORKLOADS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sizes", default="8,32,128", help="trials in a stack")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="a measurement takes at least")
    arguments = parser.parse_args()
    arguments.sizes = [int(each) for each in arguments.sizes.split(",")]
    torch.set_num_threads(1)
    where = "cpu" if arguments.device == "cpu" else torch.cuda.get_device_name(arguments.device)
    print(f"{where}, torch {torch.__version__}, Adam, one thread; µs a trial's training step")
    print(f"{'workload':20} {'trials':>6} {'one by one':>12} {'stacked':>12} {'ratio':22} equal")
    for workload in arguments.workloads or WORKLOADS:
        try:
            measure(workload, arguments)
        except Exception as error:  # the other parts are still worth having
            print(f"{workload:20} {type(error).__name__}: {' '.join(str(error).split())[:200]}")


if __name__ == "__main__":
    main()
