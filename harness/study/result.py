"""The words of a trial's result, declared once: its statuses and its columns."""

from __future__ import annotations

COMPLETE, DIVERGED = "complete", "diverged"
PRUNED = "pruned"  # stopped at a rung for being worse than others of its cohort; may be carried on
FAILED, OUT_OF_MEMORY, TIMEOUT = "failed", "out_of_memory", "timeout"
FINISHED = (COMPLETE, DIVERGED)  # results
FAILURES = (FAILED, OUT_OF_MEMORY, TIMEOUT)  # run again when asked
STATUSES = (*FINISHED, PRUNED, *FAILURES)

FINAL_COLUMNS = ("train_loss", "val_error", "val_loss", "test_error", "test_loss")
CURVE_COLUMNS = ("step", "learning_rate", *FINAL_COLUMNS)  # a row an evaluation
TRAIN_ERROR = "train_error"  # on a fixed sample of the training set, where one is asked for
EXPONENTIAL, POLYAK = (
    "exponential",
    "polyak",
)  # averages of the parameters, evaluated too if asked for
AVERAGED = {
    kind: tuple(f"{kind}_{name}" for name in FINAL_COLUMNS[1:]) for kind in (EXPONENTIAL, POLYAK)
}
FURTHER_COLUMNS = (TRAIN_ERROR, *(name for names in AVERAGED.values() for name in names))
"""Of a curve and of a record's final values, only where the study asks for them."""
STEPS, GRADIENTS, SECONDS = "step", "gradients", "seconds"
"""What a curve can be drawn against: all but steps only where the record tells."""
SPENT = ("step_seconds", "optimizer_seconds", "peak_memory_bytes")
"""Of a record's ``run``, only where it was measured; in the table of trials too."""
IDENTITY = ("workload", "optimizer", "study", "trial")
TABLE_COLUMNS = (
    *IDENTITY, "status", "train_loss", "val_error", "test_error", "steps", "train_seconds",
)  # fmt: skip
