"""Finds search spaces for several optimizers, your own too, by the same two stages for each.

    harness stages workload=NAME optimizer=A,B,… [root=results/stages] [num_trials=64] [KEY=VALUE …]

First stage: every optimizer is searched on conventional broad ranges, by its hyperparameters' names, the
learning rate as the effective one, which means the same for all. Trials are trained into ROOT/stage1; a
command that was stopped goes on where it was. Second stage: one range of effective learning rates for
all, from where the good trials of all are; the other axes narrowed together to the optimizer's own, but not
where an inclusion needs them. Nothing is picked by hand. rule=marginal narrows each axis by itself, as until
November 2026.

The files go into DIR/search_space/NAME/ of --config-dir DIR, or of ROOT/conf, so that afterwards

    harness --config-dir DIR -m workload=NAME optimizer=A,B,…

compares them. Further words are those of a run, such as workload.steps=200, seed=1 or workers=2.

A first stage may be pruned: pruning=halving, see docs/pruning.md.

stages=64x100,32x400 goes from coarse to fine, as CS231n's notes have it: first 64 trials of 100 steps, then
32 of 400 on the spaces narrowed by those, into ROOT/stage2, and so on; the last ones narrow once more.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.commands.parsing import Parser
from harness.commands.space_file import as_text, node, rule_told, write
from harness.errors import EXIT_COMPLETE, ConfigError, unknown
from harness.study.parametrisation import EFFECTIVE_LR
from harness.study.space import Axis, parse

if TYPE_CHECKING:
    from harness.analysis.stages import SecondStage
    from harness.config.build import Job

SOURCE = "Source: harness stages"
TRIALS_BY_STEPS = re.compile(r"(\d+)x(\d+)")
ROOT, NUM_TRIALS = "results/stages", 64
USAGE = "give workload=NAME optimizer=A,B,…"


class Asked(NamedTuple):
    """What the words ask for; ``words`` are those of a run that hold for every optimizer."""

    workload: str
    optimizers: list[str]  # by the names of their files
    root: Path
    folder: Path  # a --config-dir
    words: list[str]
    axes: dict[str, Axis]
    command: str
    rounds: list[list[str]]  # further words of each stage
    rule: str  # of narrowing

    def name(self, stage: int) -> str:
        """Of a stage's folder of records, and of its spaces."""
        return f"stage{stage + 1}"

    def space(self, stage: int, optimizer: str) -> Path:
        """The file of the space that a stage, from 0, searches; after the last one what was found."""
        if stage == len(self.rounds):
            return self.second(optimizer)
        return self.folder / "search_space" / self.workload / self.name(stage) / f"{optimizer}.yaml"

    def second(self, optimizer: str) -> Path:
        return self.folder / "search_space" / self.workload / f"{optimizer}.yaml"


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_intermixed_args(arguments)
    asked = _asked(given.words, given.config_dir, given.axis or [], arguments)
    for path in map(asked.second, asked.optimizers):
        if path.exists() and not given.force and not _is_ours(path):
            raise ConfigError(
                f"{path} was not written by harness stages; give another --config-dir, or --force to"
                " write over it"
            )

    _check_trials(asked)

    from harness.commands import run
    from harness.running.saying import tell

    jobs = [_first_job(asked, optimizer) for optimizer in asked.optimizers]
    for number in range(len(asked.rounds)):
        if number:
            jobs = [
                _composed(asked, number, optimizer, *_scale_word(job))
                for optimizer, job in zip(asked.optimizers, jobs, strict=True)
            ]
        if status := run.run(jobs):
            which = "first stage" if len(asked.rounds) == 1 else f"stage {number + 1}"
            tell(f"harness stages: the {which} is not complete; the same command goes on with it")
            return status
        _write_narrowed(asked, number, jobs)
    return EXIT_COMPLETE


def _check_trials(asked: Asked) -> None:
    """That every stage has as many trials as are narrowed by, before any is trained.

    Raises:
        ConfigError: which has not.
    """
    from harness.analysis.refining import LEAST_TRIALS

    for word in (*asked.words, *itertools.chain(*asked.rounds)):
        key, _, number = word.partition("=")
        if key == "num_trials" and number.isdigit() and int(number) < LEAST_TRIALS:
            raise ConfigError(
                f"{word}: narrowing needs {LEAST_TRIALS} feasible trials of each optimizer; give"
                f" {LEAST_TRIALS} or more"
            )


def _write_narrowed(asked: Asked, number: int, jobs: Sequence[Job]) -> None:
    """The spaces that the next stage searches, or the last ones, from the trials of this stage."""
    narrowed = _narrowed(asked, number, jobs)
    last = number + 1 == len(asked.rounds)
    for file, job, stage in zip(asked.optimizers, jobs, narrowed, strict=True):
        space = _as_lr_itself(job, stage.space) if last else stage.space
        path = asked.space(number + 1, file)
        write(path, as_text(_evidence(asked, number, stage), space, {}))
        print(path)
        reasons = dict(zip(space, map(stage.reasons.get, stage.space), strict=True))
        for axis, reason in reasons.items():
            print(f"  {axis}: {node(space[axis])}" + (f"  ({reason})" if reason else ""))


def _scale_word(job: Job) -> list[str]:
    """What a job before was told of the workload's gradients, where its file does not say."""
    return [word for word in job[1] if word.startswith("workload.gradient_scale=")]


def _parser() -> Parser:
    parser = Parser("stages", __doc__)
    add = parser.add_argument
    add("words", nargs="+", metavar="KEY=VALUE", help="workload, optimizer, root, words of a run")
    add("-m", "--multirun", action="store_true", help="as without: it takes several anyway")
    add("--config-dir", metavar="DIR", help="your configurations; search spaces are added to them")
    add(
        "--axis",
        action="append",
        metavar="NAME=RANGE",
        help="of a hyperparameter without a conventional range, for every optimizer that has it, such as"
        " 'alpha={low: 1, high: 10}'",
    )
    add("--force", action="store_true", help="write over search spaces that others wrote")
    return parser


def _asked(
    words: Sequence[str], config_dir: str | None, axes: Sequence[str], arguments: Sequence[str]
) -> Asked:
    from harness.analysis.refining import JOINT, RULES

    found = {"root": ROOT, "rule": JOINT}
    kept = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"{word!r} is not KEY=VALUE; {USAGE}")
        if key in ("workload", "optimizer", "root", "stages", "rule"):
            found[key] = value
        elif key.lstrip("+~").split(".")[0].split("@")[0] == "search_space":
            raise ConfigError(f"{word!r}: search spaces are what is found; give --axis NAME=RANGE")
        else:
            kept.append(word)
    for key in ("workload", "optimizer"):
        if not found.get(key):
            raise ConfigError(f"{key}= is missing; {USAGE}")
    if found["rule"] not in RULES:
        raise unknown("rule", found["rule"], RULES)
    rounds = _rounds(found["stages"], kept) if "stages" in found else [[]]
    if rounds == [[]] and not any(word.startswith("num_trials=") for word in kept):
        kept.append(f"num_trials={NUM_TRIALS}")
    root = Path(found["root"])
    return Asked(
        workload=found["workload"],
        optimizers=list(dict.fromkeys(found["optimizer"].split(","))),
        root=root,
        folder=Path(config_dir) if config_dir else root / "conf",
        words=kept,
        axes=_axes(axes),
        command=shlex.join(["harness", "stages", *arguments]),
        rounds=rounds,
        rule=found["rule"],
    )


def _rounds(text: str, kept: Sequence[str]) -> list[list[str]]:
    """The words of each stage of ``stages=64x100,32x400``."""
    for word in kept:
        if word.startswith(("num_trials=", "workload.steps=")):
            raise ConfigError(f"{word} and stages={text} exclude each other; leave one out")
    found = []
    for part in text.split(","):
        match = TRIALS_BY_STEPS.fullmatch(part)
        if match is None:
            raise ConfigError(
                f"stages={text}: {part!r} is not TRIALSxSTEPS; such as stages=64x100,32x400"
            )
        found.append([f"num_trials={match[1]}", f"workload.steps={match[2]}"])
    return found


def _axes(words: Sequence[str]) -> dict[str, Axis]:
    import yaml

    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise ConfigError(
                f"--axis {word!r} is not NAME=RANGE; such as 'alpha={{low: 1, high: 10}}'"
            )
        try:
            found[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(
                f"--axis {word!r} is not YAML; such as 'alpha={{low: 1, high: 10}}'"
            ) from None
    return parse(found) if found else {}


def _is_ours(path: Path) -> bool:
    return path.read_text(encoding="utf-8").startswith(f"# {SOURCE}")


# --- first stage ------------------------------------------------------------------------------


def _first_job(asked: Asked, optimizer: str) -> Job:
    """The configuration of one optimizer on its conventional ranges, whose file is written."""
    from harness.commands import first_stage
    from harness.running.saying import tell

    path = asked.space(0, optimizer)
    if not path.exists():
        write(path, f"{EFFECTIVE_LR}: 1.0\n")  # something to compose with
    config = _plain(_composed(asked, 0, optimizer))
    measured = []
    if config["workload"]["gradient_scale"] is None:
        scale = _measured_scale(config)
        measured = [f"workload.gradient_scale={scale:g}"]
        config["workload"]["gradient_scale"] = scale
    found = first_stage.space(config, asked.axes)
    if found.plain:
        tell(f"harness stages: {optimizer}: {found.plain}")
    left = f"; at their defaults: {', '.join(found.at_defaults)}" if found.at_defaults else ""
    head = f"{SOURCE}, first stage: conventional ranges (harness/study/conventional.py){left}."
    write(path, as_text([head], found.space, {}))
    return _composed(asked, 0, optimizer, *measured)


def _composed(asked: Asked, stage: int, optimizer: str, *further: str) -> Job:
    from harness.config.compose import compose

    (job,) = compose([
        "--config-dir", str(asked.folder), f"workload={asked.workload}", f"optimizer={optimizer}",
        f"search_space={asked.workload}/{asked.name(stage)}/{optimizer}",
        f"root={asked.root / asked.name(stage)}", *asked.words, *asked.rounds[stage], *further,
    ])  # fmt: skip
    return job


def _plain(job: Job) -> dict[str, Any]:
    from omegaconf import OmegaConf

    config: Any = OmegaConf.to_container(job[0], resolve=True, enum_to_str=True)
    return {str(name): value for name, value in config.items()}


def _measured_scale(config: Mapping[str, Any]) -> float:
    """s of a workload whose own configuration doesn't say, to two digits; measured once a command."""
    return _scale_of(json.dumps({name: config[name] for name in ("workload", "model", "data")}))


@functools.cache
def _scale_of(config: str) -> float:
    from harness.commands.first_stage import task
    from harness.running import checks
    from harness.running.saying import tell
    from harness.training.effective_rate import gradient_scale

    found = json.loads(config)
    checks.check_models([found])
    checks.data_digests([found])
    scale = float(f"{gradient_scale(task(found)):.2g}")
    tell(
        f"harness stages: gradient_scale of {found['workload']['name']} is {scale:g}; write it into its"
        " file, as the spaces found here need it"
    )
    return scale


# --- second stage -----------------------------------------------------------------------------


def _narrowed(asked: Asked, number: int, jobs: Sequence[Job]) -> list[SecondStage]:
    """Of every optimizer, in the order asked for."""
    from harness.analysis.reading import read_results
    from harness.analysis.stages import second_stage
    from harness.config import build

    studies = {request.study.optimizer: request.study for request in build.requests(jobs)}
    names = [study.fingerprint for study in studies.values()]
    found = read_results(asked.root / asked.name(number), only=names)
    of_schedule = [list(_plain(job)["schedule"]) for job in jobs]
    axes = {
        name: [axis for axis in study.space if axis not in schedule]
        for (name, study), schedule in zip(studies.items(), of_schedule, strict=True)
    }
    return second_stage(found.trials, found.studies, axes, rule=asked.rule)


def _as_lr_itself(job: Job, space: Mapping[str, Axis]) -> Mapping[str, Axis]:
    """The same by the name lr, where that is what the effective rate is."""
    from harness.commands.first_stage import is_lr_itself

    if not is_lr_itself(_plain(job), space):
        return space
    (rate,) = space.values()
    return parse({"lr": rate.node})


def _evidence(asked: Asked, number: int, stage: SecondStage) -> list[str]:
    pruned = f", {stage.pruned_trials} of them pruned and counted as the worst"
    pruned = pruned if stage.pruned_trials else ""
    return [
        f"{SOURCE}, the same for {', '.join(asked.optimizers)}. {'Stage' if number else 'First stage'}"
        f" {asked.root / asked.name(number)}, study {stage.study}:",
        f"{stage.feasible_trials} feasible of {stage.trials} trials{pruned}, best validation error"
        f" {stage.best_error:.5g}. Weights: the chance of being selected by a search of"
        f" K = {stage.budget_trials}. {rule_told(asked.rule)} Of all: harness/analysis/stages.py.",
        f"Command: {asked.command}",
        *(f"{axis}: {reason}" for axis, reason in stage.reasons.items()),
    ]
