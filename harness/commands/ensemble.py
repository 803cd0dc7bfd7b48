"""An ensemble: predictions of several sets of weights averaged, its error against the number of members.

    harness ensemble ROOT optimizer=NAME [workload=NAME] [study=FINGERPRINT] --of top --members 8 --out DIR

Members are, by --of:

    top           the trials of the study that are lowest in validation error (trained with keep=weights)
    checkpoints   the last evaluations of one trial, trial=INDEX or the selected one (keep=evaluations)
    seeds         the selected trial's hyperparameters trained with other seeds. Those are trained first, as
                  trials of a study whose axes are constant, into DIR/seeds; a stopped command goes on.

Written: ensemble.csv, ensemble.png, ensemble.svg. Members in the order given above: the best first, the
latest first. Distillation is not done.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    from harness.records.record import Record
    from harness.study.study import Study

TOP, CHECKPOINTS, SEEDS = "top", "checkpoints", "seeds"
KEYS = ("workload", "optimizer", "study", "trial")


class Source(NamedTuple):
    """A study's folder, the study, and its complete trials, the lowest in validation error first."""

    path: Path
    study: Study
    trials: list[Record]


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_intermixed_args(arguments)
    if given.members < 1:
        raise ConfigError(f"--members must be 1 or more, got {given.members}")
    chosen, further = chosen_words(given.words)
    trained = source(Path(given.root), chosen)
    if given.of == SEEDS:
        root = Path(given.out) / SEEDS
        if status := _reseed(trained, chosen, given.members, root, further):
            return status
        trained = source(root, {})
    elif further:
        raise ConfigError(
            f"{further[0]!r} is a word of a run, and only --of seeds trains; leave it out"
        )

    import pandas as pd

    from harness.analysis import ensembles
    from harness.figures import ensembles as figures
    from harness.report.catalogue import save_figure
    from harness.running.predictions import predictions

    members = _members(trained, given.of, chosen, given.members)
    frames = []
    for split in ("validation", "test"):
        found = predictions(trained.study, trained.path, members, split)
        frames.append(ensembles.errors(*found).assign(split=split))
        one, whole = frames[-1].iloc[0], frames[-1].iloc[-1]
        print(
            f"{split} error: a member alone {one['mean']:.4f} ({one['p05']:.4f} to {one['p95']:.4f}), the"
            f" {len(members)} together {whole['mean']:.4f}"
        )
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    title = f"{trained.study.workload}, {trained.study.optimizer}: {len(members)} {_told(given.of)}"
    frame = pd.concat(frames, ignore_index=True)
    save_figure("ensemble", frame, lambda f, note: figures.draw(f, title, note), out, "")
    print(out / "ensemble.png")
    return EXIT_COMPLETE


def _told(of: str) -> str:
    return {TOP: "best trials", CHECKPOINTS: "checkpoints of a trial", SEEDS: "seeds"}[of]


def _parser() -> Parser:
    parser = Parser("ensemble", __doc__)
    add = parser.add_argument
    add("root", metavar="ROOT", help="a results folder")
    add(
        "words",
        nargs="*",
        metavar="KEY=VALUE",
        help="which study and trial; of a run, with --of seeds",
    )
    add("--of", choices=(TOP, CHECKPOINTS, SEEDS), default=TOP, help="what the members are (top)")
    add("--members", type=int, default=8, metavar="M", help="how many (8)")
    add("--out", metavar="DIR", required=True, help="folder to write into, made if needed")
    return parser


def chosen_words(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Those that choose a study and trial, and those of a run."""
    chosen, further = {}, []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"{word!r} is not KEY=VALUE; such as optimizer=adam")
        if key in KEYS:
            chosen[key] = value
        else:
            further.append(word)
    if not chosen.get("trial", "0").isdigit():
        raise ConfigError(f"trial must be an index such as 7, got {chosen['trial']!r}")
    return chosen, further


def source(root: Path, chosen: dict[str, str]) -> Source:
    """The one study that is meant.

    Raises:
        ConfigError: there is none, or several.
    """
    from harness.records import nearby
    from harness.records.reading import DamagedRecord, read_study, scan, study_paths
    from harness.study.result import COMPLETE
    from harness.study.study import Study

    paths = [
        path
        for path in study_paths(root)
        if chosen.get("workload", path.parts[-3]) == path.parts[-3]
        and chosen.get("optimizer", path.parts[-2]) == path.parts[-2]
        and path.name.startswith(chosen.get("study", ""))
    ]
    if not study_paths(root) and (near := nearby.readable(root)):
        raise ConfigError(f"{root} is no results folder; give {nearby.told(near)}")
    if len(paths) != 1:
        told = ", ".join("/".join(path.parts[-3:]) for path in paths) or "none"
        raise ConfigError(
            f"one study is averaged, and {root} has {told} of these; choose with workload=, optimizer= or"
            " study="
        )
    node = read_study(paths[0])
    overrides = tuple(node.pop("overrides"))
    records, problems = scan(paths[0])
    if problems:
        raise DamagedRecord(problems)
    complete = [record for record in records.values() if record["status"] == COMPLETE]
    if not complete:
        raise ConfigError(f"{paths[0]} has no complete trial yet; run it with keep=weights")
    ranked = sorted(complete, key=lambda record: (record["val_error"], record["trial"]))
    return Source(paths[0], Study(node, overrides), ranked)


def trial_of(trained: Source, chosen: dict[str, str]) -> int:
    """The one that is named, else the selected one."""
    return int(chosen["trial"]) if "trial" in chosen else int(trained.trials[0]["trial"])


def _members(trained: Source, of: str, chosen: dict[str, str], count: int) -> list[Any]:
    from harness.records import weights
    from harness.running.predictions import Member

    if of == CHECKPOINTS:
        trial = trial_of(trained, chosen)
        steps = weights.steps_of(trained.path, trial)
        if not steps:
            raise ConfigError(
                f"trial {trial} kept no weights of its evaluations; train it with keep=evaluations into a root"
                " that has no record of it yet"
            )
        return [Member(trial, f"{step:06d}") for step in reversed(steps[-count:])]
    # What a trial reports: its last evaluation, under early stopping its best.
    name = weights.BEST if "stopping" in trained.study.config else weights.LAST
    return [Member(record["trial"], name) for record in trained.trials[:count]]


def _reseed(
    trained: Source, chosen: dict[str, str], count: int, root: Path, words: Sequence[str]
) -> int:
    """Train the selected trial's hyperparameters, a study without a search, `count` times."""
    from harness.commands import retrained, run
    from harness.config import compose

    trial = trial_of(trained, chosen)
    found = [record for record in trained.trials if record["trial"] == trial]
    if not found:
        raise ConfigError(f"{trained.path} has no complete trial {trial}; choose another")
    again = retrained.at(trained.study, found[0]["point"])
    jobs = compose.compose([*again, f"root={root}", f"num_trials={count}", "keep=weights", *words])
    return run.run(jobs)
