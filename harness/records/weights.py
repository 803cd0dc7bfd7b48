"""The weights of a trial's evaluations, kept when asked: of the last and the best, or of every one.

ROOT/<workload>/<optimizer>/<fingerprint>/weights/000012/last.pt
ROOT/<workload>/<optimizer>/<fingerprint>/weights/000012/best.pt
ROOT/<workload>/<optimizer>/<fingerprint>/weights/000012/000400.pt   of the evaluation after step 400

They are no part of a record, and a trial that goes on from a checkpoint writes the same ones again.
Reading them runs no code of others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.records.checkpoint import from_bytes, to_bytes
from harness.records.files import write_whole
from harness.records.folder import StudyFolder

LAST, BEST = "last", "best"
EVALUATIONS = "evaluations"  # keep every one


class Weights:
    """Writes what a running trial is to leave."""

    def __init__(self, folder: StudyFolder, trial: int, keep: str):
        """
        Args:
            keep: "weights", of the last and the best evaluation; "evaluations", of every one too.
        """
        self.folder = trial_folder(folder.path, trial)
        self.identity = {"study": folder.study.fingerprint, "trial": trial}
        self.every = keep == EVALUATIONS

    def evaluated(
        self,
        step: int,
        val_errors: Sequence[float | None],
        state: Callable[[], Mapping[str, Any]],
        last: bool,
    ) -> None:
        """Keep the weights of the evaluation just made, where they are wanted.

        Args:
            val_errors: of all evaluations so far.
            state: gives the evaluated model's state, by name.
            last: whether the trial ends with this evaluation.

        Raises:
            SweepError: they cannot be written.
        """
        names = [f"{step:06d}"] if self.every else []
        names += [BEST] if _is_best(val_errors) else []
        names += [LAST] if last else []
        if not names:
            return
        node = {**self.identity, "step": step, "val_error": val_errors[-1], "state": dict(state())}
        content = to_bytes(node)
        for name in names:
            write_whole(self.folder / f"{name}.pt", lambda temporary: _fill(temporary, content))


def _fill(temporary: Path, content: bytes) -> None:
    temporary.parent.mkdir(parents=True, exist_ok=True)
    temporary.write_bytes(content)


def _is_best(errors: Sequence[float | None]) -> bool:
    """Whether the newest is lower than all before it."""
    *before, newest = (float("inf") if error is None else error for error in errors)
    return newest < min(before, default=float("inf"))


def trial_folder(study_path: Path, trial: int) -> Path:
    return study_path / "weights" / f"{trial:06d}"


def steps_of(study_path: Path, trial: int) -> list[int]:
    """The steps whose evaluation's weights are there by themselves, in their order."""
    folder = trial_folder(study_path, trial)
    return sorted(int(path.stem) for path in folder.glob("*.pt") if path.stem.isdecimal())


def read(study_path: Path, trial: int, name: str = LAST) -> dict[str, Any]:
    """A model's state by name, as it was evaluated, on the CPU.

    Args:
        name: `LAST`, `BEST`, or a step as its file has it.

    Raises:
        ConfigError: they are not there, or not as they were written.
    """
    path = trial_folder(study_path, trial) / f"{name}.pt"
    if not path.exists():
        raise ConfigError(
            f"{path} is not there: trial {trial} kept no weights; train it with keep=weights into a root"
            " that has no record of it yet"
        )
    try:
        node = from_bytes(path.read_bytes())
        if (node["study"], node["trial"]) != (study_path.name, trial):
            raise ValueError(f"it is of study {node['study']} trial {node['trial']}")
        return dict(node["state"])
    except Exception as error:  # torch, zipfile and pickle raise a dozen kinds
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise ConfigError(
            f"{path} is not usable ({why}); remove it, and train the trial anew"
        ) from None
