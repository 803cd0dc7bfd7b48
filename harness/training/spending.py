"""What a trial spends: seconds in its steps, of them in the optimizer, and memory. No result depends on it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch


class Spending:
    """Seconds of one training in its steps alone: not of evaluations, of saving, of starting up."""

    def __init__(self, device: str):
        self.device = device
        self.step_seconds = 0.0
        self.optimizer_seconds = 0.0
        self.curve_seconds: list[float] = []  # in steps up to each row of the learning curve
        _forget_peak(device)

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.step_seconds += time.perf_counter() - began

    @contextlib.contextmanager
    def optimizer(self) -> Iterator[None]:
        """On a GPU, which works on while Python goes on, this is the time to tell it what to do."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.optimizer_seconds += time.perf_counter() - began

    def evaluated(self) -> None:
        self.curve_seconds.append(round(self.step_seconds, 4))

    def facts(self) -> dict[str, Any]:
        """For the record's ``run``."""
        found: dict[str, Any] = {
            "step_seconds": round(self.step_seconds, 4),
            "curve_seconds": self.curve_seconds,
        }
        if self.device == "cpu":
            found["optimizer_seconds"] = round(self.optimizer_seconds, 4)
        peak = _peak(self.device)
        return found | ({"peak_memory_bytes": peak} if peak else {})

    def state_dict(self) -> dict[str, Any]:
        return {
            "step_seconds": self.step_seconds,
            "optimizer_seconds": self.optimizer_seconds,
            "curve_seconds": list(self.curve_seconds),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, list(value) if isinstance(value, list) else value)


def _forget_peak(device: str) -> None:
    """Of the process: what is measured from here on is this trial's."""
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):  # not Linux, or not allowed
        Path("/proc/self/clear_refs").write_text("5")


def _peak(device: str) -> int | None:
    """The most memory since: of the device; on a CPU resident, of the process, libraries and data too."""
    if device != "cpu":
        return int(torch.cuda.max_memory_allocated(device))
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None
