"""Do recorded trials repeat? Some of each study, drawn at random, are trained again and compared to the bit.

    harness repeat ROOT… [--trials 2] [--seed 0] [--out DIR] [KEY=VALUE …]

ROOT is a results folder, or a folder of such. The draw depends on --seed and the study alone. Further words
are those of a run: data.root=, workers=, device=. What is compared is all of a record but its run: point,
seeds, learning curve, final values, data. Trials that were trained as one (stack=) are trained again with their
whole block. A study whose words give another study today, trained by an older version or with files that were
edited since, is told and not trained. Bits are the same on the same kind of processor; where they are not, it is
said how far apart the results are, and of other machines that they are others.

Exit status 0: all drawn trials of all studies are the same; 1: not so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE, EXIT_FAILED, ConfigError

if TYPE_CHECKING:
    from harness.config.build import Job
    from harness.records.record import Record

Pair = tuple[Mapping[str, Any], Mapping[str, Any]]
"""A record and that of today, empty where there is none."""
ANEW = ("num_feasible=null", "max_trials=null", "report=null", "hydra.mode=RUN")


class Drawn(NamedTuple):
    """A study's trials to be trained again."""

    name: str  # workload/optimizer/fingerprint
    records: Mapping[int, Record]  # the drawn ones as they were
    job: Job | None  # what trains them; None: their words give another study today
    today: str  # its fingerprint


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_intermixed_args(arguments)
    if given.trials < 1:
        raise ConfigError(f"--trials must be 1 or more, got {given.trials}")

    from harness.records.reading import roots_in, study_paths

    words = [word for word in given.words if "=" in word]
    named = [word for word in given.words if "=" not in word]
    if not named:
        raise ConfigError("no results folder given; name one, such as results/digits")
    roots = [root for each in named for root in roots_in(each)]
    with tempfile.TemporaryDirectory(prefix="repeat-") as temporary:
        out = Path(given.out or temporary)
        drawn = [
            each
            for root in roots
            for path in study_paths(root)
            if (each := _draw(path, given.trials, given.seed, out, words))
        ]
        return _trained_again(drawn, out)


def _parser() -> Parser:
    parser = Parser("repeat", __doc__)
    add = parser.add_argument
    add("words", nargs="*", metavar="ROOT|KEY=VALUE", help="results folders, words of a run")
    add("--trials", type=int, default=2, metavar="N", help="drawn of each study (2)")
    add("--seed", type=int, default=0, help="of the draw (0)")
    add("--out", metavar="DIR", help="keep the new records here; dropped without")
    return parser


def _draw(path: Path, count: int, seed: int, out: Path, words: Sequence[str]) -> Drawn | None:
    """Of one study's folder; None where no trial of it ended.

    Raises:
        DamagedRecord: one of its records cannot be trusted.
    """
    from harness.config import build, compose
    from harness.records.reading import DamagedRecord, read_study, scan
    from harness.study import indices
    from harness.study.result import FINISHED
    from harness.study.study import portable

    records, problems = scan(path)
    if problems:
        raise DamagedRecord(problems)
    ended = {trial: each for trial, each in records.items() if each["status"] in FINISHED}
    if not ended:
        return None
    chosen = draw(list(ended), count, seed, path.name)
    node = read_study(path)
    trials = sorted({each for trial in chosen for each in block(trial, ended)})
    stacks = {ended[trial]["run"].get("stack") for trial in chosen} - {None}
    again = [f"trial={indices.to_text(trials)}", f"root={out}", *words]
    again += [f"stack={max(stacks)}", "workers=1"] if stacks else []
    (job,) = compose.compose([*portable(node["overrides"]), *ANEW, *again])
    fingerprint = build.of_node(build.study_node(job[0]), node.get("data_sha256")).fingerprint
    return Drawn(
        "/".join(path.parts[-3:]),
        {trial: ended[trial] for trial in chosen},
        job if fingerprint == path.name else None,
        fingerprint,
    )


def draw(trials: Sequence[int], count: int, seed: int, fingerprint: str) -> list[int]:
    """Some of a study's trials at random, the same ones whenever it is asked.

    >>> draw(range(256), 2, 0, "19a6950d617f") == draw(range(256), 2, 0, "19a6950d617f")
    True
    """
    import numpy as np

    rng = np.random.default_rng([seed, int(fingerprint, 16)])
    chosen = rng.choice(np.asarray(trials), size=min(count, len(trials)), replace=False)
    return sorted(chosen.tolist())


def block(trial: int, records: Mapping[int, Mapping[str, Any]]) -> list[int]:
    """The trials that one was trained with: itself, or its stack, of equal parts in their order.

    >>> stacked = {trial: {"run": {"stack": 2}} for trial in range(4)}
    >>> block(2, stacked), block(2, {2: {"run": {}}})
    ([2, 3], [2])
    """
    size = records[trial]["run"].get("stack")
    if not size:
        return [trial]
    alike = sorted(each for each, record in records.items() if record["run"].get("stack") == size)
    first = alike.index(trial) // size * size
    return alike[first : first + size]


def _trained_again(drawn: Sequence[Drawn], out: Path) -> int:
    """Train them, say of each study what came of it, and give the exit status."""
    from harness.config import build, how
    from harness.running import runner

    jobs = [each.job for each in drawn if each.job is not None]
    by_stack: dict[str, list[Job]] = {}
    for job in jobs:
        by_stack.setdefault(str(job[0].stack), []).append(job)
    for own in by_stack.values():
        status = runner.run(build.requests(own), how.common_options([config for config, _ in own]))
        if status > EXIT_FAILED:
            return status
    agreed, others = 0, []
    for each in drawn:
        pairs = _pairs(each, out)
        line, wrong = told(each, pairs)
        agreed += len(pairs) - len(wrong)
        others += [pairs[trial] for trial in wrong]
        print(line)
    if others:
        print(how_far(others))
        for line in machines(others):
            print(line)
    trials = sum(len(each.records) for each in drawn)
    print(f"{agreed} of {trials} drawn trials are the same to the bit")
    return EXIT_COMPLETE if agreed == trials else EXIT_FAILED


def _pairs(drawn: Drawn, out: Path) -> dict[int, Pair]:
    """The drawn records and those of today, by trial; none of a study that was not trained."""
    from harness.records.reading import scan

    if drawn.job is None:
        return {}
    anew, _ = scan(out / drawn.name)
    return {trial: (before, anew.get(trial, {})) for trial, before in drawn.records.items()}


def told(drawn: Drawn, pairs: Mapping[int, Pair]) -> tuple[str, list[int]]:
    """What came of a study's drawn trials, and which are not the same."""
    from harness.study import indices

    if drawn.job is None:
        return f"{drawn.name}: not trained: its words give another study today, {drawn.today}", []
    differ = {trial: differences(*pair) for trial, pair in pairs.items()}
    wrong = {trial: names for trial, names in differ.items() if names}
    if not wrong:
        return f"{drawn.name}: trials {indices.to_text(drawn.records)}: the same bits", []
    words = "; ".join(
        f"trial {trial} differs in {', '.join(names)}" for trial, names in wrong.items()
    )
    return f"{drawn.name}: {words}", list(wrong)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The fields in which a record of before differs from one of today, but for those it did not have."""
    from harness.records.record import deterministic

    if not after:
        return ["no record"]
    return [name for name, value in deterministic(dict(before)).items() if after.get(name) != value]


def how_far(pairs: Sequence[Pair]) -> str:
    """How far results of before and of today are apart, in the middle and at most.

    >>> one = {"status": "complete", "val_error": 0.02, "train_loss": 0.5}
    >>> far = one | {"val_error": 0.05, "train_loss": 1.0}
    >>> print(how_far([(one, one | {"train_loss": 0.500001}), (one, one), (one, far), (one, {})]))
    those differ by .0000 (.0300 at most) in validation error, by 2e-06 (1e+00) of itself in training loss; 1 of 4 ended otherwise
    """
    import numpy as np

    from harness.analysis.names import number
    from harness.study.result import COMPLETE

    alike = [(b, a) for b, a in pairs if b["status"] == a.get("status")]
    ended = [(b, a) for b, a in alike if b["status"] == COMPLETE]
    parts = []
    if ended:
        errors = [abs(a["val_error"] - b["val_error"]) for b, a in ended]
        losses = [abs(a["train_loss"] / b["train_loss"] - 1) for b, a in ended if b["train_loss"]]
        parts.append(
            f"those differ by {number(np.median(errors))} ({number(max(errors))} at most) in validation"
            f" error, by {np.median(losses or [0]):.0e} ({max(losses, default=0):.0e}) of itself in"
            " training loss"
        )
    if len(alike) < len(pairs):
        parts.append(f"{len(pairs) - len(alike)} of {len(pairs)} ended otherwise")
    return "; ".join(parts) or "those that differ diverged"


def machines(pairs: Sequence[Pair]) -> Iterator[str]:
    """A line where they were recorded on other machines than today's, or with another torch.

    >>> intel, amd = ({"run": {"device": "cpu", "processor": name}} for name in ("Xeon", "EPYC"))
    >>> print(*machines([(intel, amd)]))
    recorded on Xeon, now on EPYC: bits are the same on the same kind of processor, with the same torch
    >>> list(machines([(amd, amd)]))
    []
    """
    were, are = (
        {_machine(record) for record in side if record} for side in zip(*pairs, strict=True)
    )
    if were != are and are:
        yield (
            f"recorded on {' and '.join(sorted(were))}, now on {' and '.join(sorted(are))}: bits are the"
            " same on the same kind of processor, with the same torch"
        )
        without = any("Intel" in name and "AMX" not in name for name in were)
        if without and any("AMX" in name and "at most" not in name for name in are):
            yield (
                "Intel processors without AMX round otherwise in bfloat16: if the records are of one, set"
                " ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16"
            )


def _machine(record: Mapping[str, Any]) -> str:
    run = record["run"]
    device = run.get("device", "?")
    name = run.get("processor", "?") if device == "cpu" else device
    version = run.get("versions", {}).get("torch")
    return f"{name} (torch {version})" if version else name
