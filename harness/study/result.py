"""The words of a trial's result, declared once: its statuses and its columns."""

from __future__ import annotations

COMPLETE, DIVERGED = "complete", "diverged"
FAILED, OUT_OF_MEMORY, TIMEOUT = "failed", "out_of_memory", "timeout"
FINISHED = (COMPLETE, DIVERGED)  # results; the others are failures, run again when asked
STATUSES = (*FINISHED, FAILED, OUT_OF_MEMORY, TIMEOUT)

FINAL_COLUMNS = ("train_loss", "val_error", "val_loss", "test_error", "test_loss")
CURVE_COLUMNS = ("step", "learning_rate", *FINAL_COLUMNS)  # a row an evaluation
IDENTITY = ("workload", "optimizer", "study", "trial")
TABLE_COLUMNS = (
    *IDENTITY, "status", "train_loss", "val_error", "test_error", "steps", "train_seconds",
)  # fmt: skip
