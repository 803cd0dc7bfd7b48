"""Is an optimizer, or a workload, what it should be? Looked at before a sweep is paid for.

    harness check optimizer=NAME [workload=NAME] [KEY=VALUE …]
    harness check workload=NAME [KEY=VALUE …] [--out DIR]

An optimizer takes ten steps on the workload's real model: does it move downhill, do its checkpoints
resume to the same bits, does it repeat itself, what does it hold in memory, what does a step cost beside
one of SGD. A workload is put through the checklist of Stanford's CS231n: gradients against central
differences, the loss at chance, twenty examples overfitted, sizes of updates, vanishing gradients, dead
units, nine decades of learning rates. A line each: ok, look, wrong. Other words are those of a run.
--out draws the losses by learning rate, activations and gradients by layer, and of images the first layer's
weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE, EXIT_FAILED, ConfigError, SweepError

if TYPE_CHECKING:
    from harness.checking.finding import Finding
    from harness.checking.workload import Seen
    from harness.config.build import Job
    from harness.study.study import Study
    from workloads.task import Task

SECONDS_OF_THE_PROBE = 2.0
SWEEP = 100  # trials
# What a workload is composed with, whether or not it has a search space.
FOR_A_WORKLOAD = ("optimizer=sgd", "schedule=constant", "++search_space={lr: 0.1}")
USAGE = "give optimizer=NAME, workload=NAME, or both"


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_intermixed_args(arguments)
    from harness.study.study import key_of

    keys = {key_of(word).split(".")[0] for word in given.words}
    if not keys & {"optimizer", "workload"}:
        raise ConfigError(f"nothing to check; {USAGE}")
    flags = ["-m"] if given.multirun else []
    flags += ["--config-dir", given.config_dir] if given.config_dir else []
    if "optimizer" in keys:
        if given.out:
            raise ConfigError("--out is for the pictures of a workload; leave optimizer= out")
        status = EXIT_COMPLETE
        for job in _jobs([*flags, *given.words]):
            status = max(status, _check_optimizer(job))
        return status
    if given.seconds <= 0:
        raise ConfigError(f"--seconds must be more than 0, got {given.seconds:g}")
    for word in given.words:
        if key_of(word).split(".")[0].split("@")[0] in ("schedule", "search_space"):
            raise ConfigError(
                f"{word}: a workload is checked under plain gradient descent at a constant rate; leave it"
                " out, or give optimizer= to check that"
            )
    return max(
        _check_workload(job, given) for job in _jobs([*flags, *given.words, *FOR_A_WORKLOAD])
    )


def _parser() -> Parser:
    parser = Parser("check", __doc__)
    add = parser.add_argument
    add("words", nargs="+", metavar="KEY=VALUE", help="optimizer, workload, words of a run")
    add("-m", "--multirun", action="store_true", help="several, as in a run")
    add("--config-dir", metavar="DIR", help="your own configurations")
    add("--seconds", type=float, default=60.0, help="that a workload may take, about (60)")
    add("--out", metavar="DIR", help="where to draw what is seen of a workload")
    return parser


def _jobs(words: Sequence[str]) -> list[Job]:
    from harness.config.compose import compose

    return compose(words)


def _check_optimizer(job: Job) -> int:
    from harness.checking import optimizer

    study, subject = _subject(job)
    print(f"{study.optimizer} on {study.workload}:", flush=True)
    return _say(optimizer.check(subject))


def _check_workload(job: Job, given: argparse.Namespace) -> int:
    from harness.checking import workload

    folder = None
    if given.out:
        from harness.report.writing import writable

        folder = writable(given.out)
    study, subject = _subject(job)
    seen = workload.Seen()
    print(f"{study.workload}:", flush=True)

    def load(batch_size: int) -> Task:
        from dataclasses import replace

        from harness.running.trial import load_task

        small = {**study.config["workload"], "batch_size": batch_size}
        return load_task(replace(study, config={**study.config, "workload": small}), subject.device)

    def every() -> Iterator[Finding]:
        scale = job[0].workload.gradient_scale
        yield from workload.check(subject, load, given.seconds, seen, scale)
        yield _bill(study, subject.device)

    status = _say(every())
    if folder:
        _draw(folder, study, seen)
    return status


def _bill(study: Study, device: str) -> Finding:
    """What a step, a trial and a sweep would cost."""
    from harness.checking.finding import OK, WRONG, Finding
    from harness.commands.bill import duration
    from harness.running import probe

    try:
        cost = probe.measure(study, device, SECONDS_OF_THE_PROBE)
    except SweepError as error:
        return Finding(WRONG, "cost", str(error))
    trial = cost.seconds_a_trial(dict(study.config["workload"]))
    return Finding(
        OK,
        "cost",
        f"{duration(cost.seconds_a_step)} a step of SGD, {duration(cost.seconds_an_evaluation)} an"
        f" evaluation, {cost.memory_bytes / 2**20:,.0f} MiB a worker; a trial of"
        f" {study.config['workload']['steps']} steps {duration(trial)}, {SWEEP} of them"
        f" {duration(SWEEP * trial)} of one worker",
    )


def _draw(folder: Path, study: Study, seen: Seen) -> None:
    """The pictures and their numbers."""
    import pandas as pd

    from harness.figures import style, workload_check
    from harness.report.writing import placed

    rates = pd.DataFrame(
        [
            {"lr": each.lr, "called": each.called, "step": step, "loss": loss}
            for each in seen.rates
            for step, loss in enumerate(each.losses)
        ]
    )
    activations = pd.DataFrame(seen.activations)
    gradients = pd.DataFrame(seen.gradients)
    tables = {"rates": rates, "activations": activations, "gradients": gradients}
    with placed(folder, "check") as beside, style.settings():
        for name, table in {**tables, "updates": pd.DataFrame(seen.moves)}.items():
            if len(table):
                table.to_csv(beside / f"{name}.csv", index=False)
        drawn = {"rates": workload_check.draw_rates(rates, study.workload)} if len(rates) else {}
        if len(activations):
            drawn["activations"] = workload_check.draw_activations(activations, study.workload)
        if len(gradients):
            drawn["gradients"] = workload_check.draw_gradients(gradients, study.workload)
        if seen.first_layer is not None:
            weights = seen.first_layer.numpy()
            drawn["first_layer"] = workload_check.draw_first_layer(weights, study.workload)
        for name, figure in drawn.items():
            figure.savefig(beside / f"{name}.png")
    print(f"{', '.join(f'{name}.png' for name in drawn)} in {folder}")


def _subject(job: Job) -> tuple[Study, Any]:
    """The study, and with its data open what is checked."""
    import torch

    from harness.checking.subject import Subject
    from harness.config import build
    from harness.running import device
    from harness.running.trial import load_task

    config, words = job
    study = build.study(config, words)
    (place, *_) = device.resolve(config.device.value)
    torch.set_num_threads(1)  # as a worker has
    return study, Subject(study, load_task(study, place), place)


def _say(findings: Iterator[Finding]) -> int:
    """Each as it is found; the exit status."""
    from harness.checking.finding import WRONG, worst

    seen = []
    for finding in findings:
        print(finding.line(), flush=True)
        seen.append(finding)
    return EXIT_FAILED if worst(seen) == WRONG else EXIT_COMPLETE
