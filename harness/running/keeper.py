"""The checkpoints of a trial while it runs, and the proof that a study's can be resumed from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.errors import SweepError
from harness.records.checkpoint import Checkpoint, from_bytes
from harness.training.resuming import Proof, attributes, lost
from harness.training.train import Training


class Keeper:
    """Keeps a training's state when it is due, and proves at a study's first time that it resumes.

    Where the proof fails nothing is kept any more: after an interruption the trial starts over, and
    says so.
    """

    def __init__(self, checkpoint: Checkpoint, begin: Callable[[], Training]):
        self.checkpoint, self.begin = checkpoint, begin
        self.proof: Proof | None = None
        self.resumable = checkpoint.proven()  # None: not known yet
        self.started_over_at: int | None = None

    @property
    def proving(self) -> bool:
        return self.proof is not None

    def resumed(self) -> Training:
        """The training where its checkpoint left it, or at its start where none can be trusted."""
        training = self.begin()
        if (state := self.checkpoint.load()) is None:
            return training
        if not self.resumable:
            self._start_over(state["step"], self.checkpoint.why_not_resumable())
            return training
        try:
            training.restore(state)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            self.checkpoint.reject(" ".join(str(error).split())[:200])
            return self.begin()  # half restored is neither
        if names := set(lost(state, training)) - self.checkpoint.recomputed():
            # That had not told anything apart when the study was proven.
            why = f"its optimizer's attribute {min(names)} is not as it was"
            self._start_over(state["step"], why)
            return self.begin()
        return training

    def _start_over(self, step: int, why: str) -> None:
        self.started_over_at = int(step)
        self.checkpoint.remove()
        self.checkpoint.warn(f"starts over from step {step}: {why}")

    def due(self, step: int) -> bool:
        return self.resumable is not False and self.checkpoint.due(step)

    def keep(self, training: Training, even_if_off: bool = False) -> None:
        """Save the state; the first time in a study, begin the proof.

        Raises:
            SweepError: it could not be written.
        """
        if self.resumable is False:
            return
        try:
            state = {**training.state(), "attributes": attributes(training)}
            content = self.checkpoint.save(state, even_if_off)
        except (SweepError, MemoryError):
            raise
        except Exception as error:  # a class whose state no file can hold
            self._conclude(f"its state cannot be saved ({' '.join(str(error).split())[:200]})")
            return
        if self.resumable is None and content is not None:
            try:
                self.proof = Proof(self.begin, from_bytes(content)["state"], training.device)
            except Exception as error:  # a class that cannot take back what it saved
                self._conclude(
                    f"its state cannot be restored ({' '.join(str(error).split())[:200]})"
                )

    def stepped(self, training: Training) -> None:
        """Compare the training with its copy, one step after what was kept."""
        assert self.proof is not None
        where, recomputed = self.proof.difference(training), self.proof.recomputed
        why_not = None if where is None else f"{where} differs one step after it is restored"
        self._conclude(why_not, recomputed)

    def at_rung(self, training: Training) -> None:
        """Keep what the trial goes on from if it passes, even where checkpoints are off.

        Raises:
            SweepError: it could not be written.
        """
        self.keep(training, even_if_off=True)
        if self.proving and training.train_one_step():
            self.stepped(training)

    def _conclude(self, why_not: str | None, recomputed: Sequence[str] = ()) -> None:
        self.proof = None
        self.resumable = why_not is None
        self.checkpoint.note_proof(why_not, recomputed)
        if why_not:
            self.checkpoint.warn(
                f"an interrupted trial of this study will start over: its optimizer's state does not"
                f" resume to the same bits ({why_not})"
            )
