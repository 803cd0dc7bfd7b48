"""A trial's checkpoint: all that its further steps depend on, in one file that is replaced whole.

Minibatches are a function of (data seed, step), so the data needs no position of its own. Loading
runs no code (``weights_only=True``); a file that is damaged, or of another trial, machine kind or
torch version, is set aside with a word of warning, and the trial starts over.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import pickle
import re
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import ConfigError
from harness.records.files import set_aside, write_json, write_whole
from harness.records.folder import StudyFolder

SCHEMA = 2  # 2: the chain of training by name
DIGEST_BYTES = 32
_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Every(NamedTuple):
    """How often to save: after so many steps, or so many seconds. Whichever is None does not count."""

    steps: int | None = None
    seconds: float | None = None


def parse_every(given: Any) -> Every | None:
    """``500`` (steps), ``90s``, ``10m``, ``2h``, or None for never.

    Raises:
        ConfigError: anything else.
    """
    if given is None:
        return None
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)([smh]?)", str(given))
    number, unit = match.groups() if match else ("0", "")
    if float(number) > 0 and unit:
        return Every(seconds=float(number) * _UNIT_SECONDS[unit])
    if float(number) > 0 and number.isdigit():
        return Every(steps=int(number))
    raise ConfigError(
        f"checkpoint_every must be steps such as 500 or a time such as 90s, 10m or 2h (or null),"
        f" got {str(given)[:80]!r}"
    )


class Checkpoint:
    """The checkpoint of one trial while it runs; with ``every=None`` it is read but never written."""

    def __init__(
        self,
        folder: StudyFolder,
        trial: int,
        every: Every | None,
        device: str,
        warn: Callable[[str], None],
    ):
        import torch

        self.path = folder.checkpoint_path(trial)
        self.proof_path = folder.path / "resuming.json"
        self.every, self.warn = every, warn
        self.identity = {
            "schema": SCHEMA,
            "study": folder.study.fingerprint,
            "trial": trial,
            "device": torch.device(device).type,
            "torch": str(torch.__version__),
        }
        if (
            trial in folder.study.given
        ):  # chosen by other trials, of which one may have been run anew
            self.identity["point"] = dict(folder.study.given[trial])
        self.saved_at = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """The state saved last, or None where there is none to be trusted."""
        if not self.path.exists():
            return None
        try:
            node = from_bytes(self.path.read_bytes())
            found = {name: node["identity"].get(name) for name in self.identity}
            if found == self.identity:
                return dict(node["state"])
            differs = [name for name in found if found[name] != self.identity[name]]
            why = f"its {differs[0]} is {found[differs[0]]!r}, not {self.identity[differs[0]]!r}"
        except pickle.UnpicklingError:  # torch's own words recommend to run the code in it
            why = "it holds more than tensors, numbers and text"
        except Exception as error:  # torch, zipfile and pickle raise a dozen kinds
            why = " ".join(str(error).split())[:200] or type(error).__name__
        self.reject(why)
        return None

    def reject(self, why: str) -> None:
        """Set the file aside, aloud."""
        if self.path.exists():
            aside = set_aside(self.path)
            self.warn(f"checkpoint {self.path} is not usable ({why}): set aside as {aside.name}")

    def due(self, step: int) -> bool:
        if self.every is None:
            return False
        if self.every.steps is not None:
            return step % self.every.steps == 0
        return time.monotonic() - self.saved_at >= (self.every.seconds or 0.0)

    def proven(self) -> bool | None:
        """Whether the study's checkpoints resume to the same bits; None where nobody has tried."""
        node = self._proof()
        return None if node is None else bool(node.get("resumable"))

    def why_not_resumable(self) -> str:
        return str((self._proof() or {}).get("why") or "that its checkpoints resume is not proven")

    def recomputed(self) -> set[str]:
        """What of an optimizer is not as it was once it is restored, and is again after a step."""
        return set(map(str, (self._proof() or {}).get("recomputed", ())))

    def note_proof(self, why_not: str | None, recomputed: Sequence[str] = ()) -> None:
        """Note in the study's folder whether its checkpoints resume to the same bits.

        Raises:
            SweepError: the folder can't be written.
        """
        node = {"resumable": why_not is None, "why": why_not, "recomputed": list(recomputed)}
        node |= self._place()
        write_json(self.proof_path, node)

    def _proof(self) -> dict[str, Any] | None:
        """What was noted on a like machine and torch version."""
        try:
            node = json.loads(self.proof_path.read_text(encoding="utf-8"))
            return dict(node) if self._place().items() <= node.items() else None
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return None

    def _place(self) -> dict[str, Any]:
        return {name: self.identity[name] for name in ("schema", "device", "torch")}

    def save(self, state: dict[str, Any], even_if_off: bool = False) -> bytes | None:
        """Replace the file, and give what is in it; None where checkpoints are off.

        Raises:
            SweepError: the disk is full, or the folder can't be written.
        """
        if self.every is None and not even_if_off:
            return None
        content = to_bytes({"identity": self.identity, "state": state})

        def fill(temporary: Path) -> None:
            temporary.parent.mkdir(exist_ok=True)
            temporary.write_bytes(content)

        write_whole(self.path, fill)
        self.saved_at = time.monotonic()
        return content

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()


def to_bytes(node: dict[str, Any]) -> bytes:
    """A digest, then torch's own format, which itself would not notice a flipped bit."""
    import torch

    whole = io.BytesIO()
    torch.save(node, whole)
    return hashlib.sha256(whole.getvalue()).digest() + whole.getvalue()


def from_bytes(content: bytes) -> dict[str, Any]:
    """The node in a checkpoint's bytes.

    Raises:
        ValueError: they are not as they were written.
        Exception: torch's, for what is no checkpoint at all.
    """
    import torch

    digest, whole = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(whole).digest() != digest:
        raise ValueError("it is damaged: its digest does not match")
    with warnings.catch_warnings(action="ignore"):  # hints for those who write loaders
        return torch.load(io.BytesIO(whole), map_location="cpu", weights_only=True)
