"""Live progress: trials done, rate, time left, the best error so far per optimizer, failures."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.running.rung_queue import RungQueue
from harness.running.saying import whoever_listens
from harness.running.trial_queue import TrialQueue
from harness.study.result import PRUNED

PLAIN_EVERY_SECONDS = 10.0  # without a terminal: a line now and then, for log files


class Progress:
    """A live table on a terminal, plain lines elsewhere; both to stderr, so stdout stays a result."""

    def __init__(self, queues: Sequence[TrialQueue], quiet: bool = False):
        self.queues = queues
        self.console = Console(stderr=True)
        self.started = time.monotonic()
        self.last_line = self.started
        self.note = ""
        live = self.console.is_terminal and not quiet
        self.quiet = quiet
        self.live = (
            Live(console=self.console, auto_refresh=False, transient=False) if live else None
        )

    def __enter__(self) -> Progress:
        if self.live:
            self.live.start()
            self.show(force=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.show(force=True)
        if self.live:
            with whoever_listens():
                self.live.stop()

    def say(self, line: str) -> None:
        """A line that stays: a warning, a failure."""
        with whoever_listens():
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def show(self, force: bool = False) -> None:
        with whoever_listens():
            if self.live:
                self.live.update(self._table(), refresh=True)
            elif not self.quiet and (
                force or time.monotonic() - self.last_line >= PLAIN_EVERY_SECONDS
            ):
                self.last_line = time.monotonic()
                print(self._line(), file=sys.stderr, flush=True)

    def _pruned(self) -> list[RungQueue]:
        return [queue for queue in self.queues if isinstance(queue, RungQueue)]

    def _done(self) -> int:
        return sum(queue.ended for queue in self.queues)

    def _line(self) -> str:
        done, total = self._done(), sum(queue.expected for queue in self.queues)
        new = sum(queue.new for queue in self.queues)
        seconds = max(time.monotonic() - self.started, 1e-9)
        parts = [f"{done}/{total} trials", f"{_clock(seconds)} elapsed"]
        if new:
            parts.insert(1, f"{60 * new / seconds:.1f}/min")
            parts.append(f"{_clock((total - done) * seconds / new)} left")
        failed = sum(queue.failed for queue in self.queues)
        diverged = sum(queue.counts["diverged"] for queue in self.queues)
        parts += [f"{diverged} diverged"] if diverged else []
        parts += [f"{failed} FAILED"] if failed else []
        parts += [_rungs(pruned)] if (pruned := self._pruned()) else []
        return " · ".join(parts + ([self.note] if self.note else []))

    def _table(self) -> Group:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("workload / optimizer")
        table.add_column("trials", justify="right")
        table.add_column("", width=24)
        table.add_column("diverged", justify="right")
        table.add_column("best val error", justify="right")
        if self._pruned():
            table.add_column("rungs")
        for queue in self.queues:
            done, total = queue.ended, queue.expected
            best, study = queue.best, queue.request.study
            table.add_row(
                f"{study.workload} / {study.optimizer}",
                f"{done}/{total}",
                ProgressBar(total=max(total, 1), completed=done, width=24),
                str(queue.counts["diverged"]),
                "" if best is None else f"{100 * best:.2f} %",
                *([_rungs([queue])] if isinstance(queue, RungQueue) else []),
            )
        return Group(table, Text(self._line()))


def _rungs(queues: Sequence[RungQueue]) -> str:
    """``12 alive · 30 pruned · 4 audited · 42 % of the steps saved``, of several studies together."""
    if all(queue.rungs.open for queue in queues):
        return "rungs not chosen yet"
    alive = sum(queue.alive for queue in queues)
    pruned = sum(queue.counts[PRUNED] for queue in queues)
    audited = sum(queue.audited for queue in queues)
    ended = sum(queue.ended for queue in queues)
    saved = sum(queue.saved_share * queue.ended for queue in queues) / max(ended, 1)
    return f"{alive} alive · {pruned} pruned · {audited} audited · {100 * saved:.0f} % of the steps saved"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
