"""The checkpoints of a trial while it runs, and the proof that a study's can be resumed from."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import SweepError
from harness.records.checkpoint import Checkpoint, from_bytes
from harness.training.resuming import Proof
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
            self.started_over_at = int(state["step"])
            self.checkpoint.remove()
            self.checkpoint.warn(
                f"starts over from step {self.started_over_at}: {self.checkpoint.why_not_resumable()}"
            )
            return training
        try:
            training.restore(state)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            self.checkpoint.reject(" ".join(str(error).split())[:200])
            return self.begin()  # half restored is neither
        return training

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
            content = self.checkpoint.save(training.state(), even_if_off)
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
        where = self.proof.difference(training)
        self._conclude(None if where is None else f"{where} differs one step after it is restored")

    def at_rung(self, training: Training) -> None:
        """Keep what the trial goes on from if it passes, even where checkpoints are off.

        Raises:
            SweepError: it could not be written.
        """
        self.keep(training, even_if_off=True)
        if self.proving and training.train_one_step():
            self.stepped(training)

    def _conclude(self, why_not: str | None) -> None:
        self.proof = None
        self.resumable = why_not is None
        self.checkpoint.note_proof(why_not)
        if why_not:
            self.checkpoint.warn(
                f"an interrupted trial of this study will start over: its optimizer's state does not"
                f" resume to the same bits ({why_not})"
            )
