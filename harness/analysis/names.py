"""How optimizers, quantities and errors are written: alike in sentences, tables and figures."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from harness.study.inclusions import EDGES

NAMES = {
    "sgd": "SGD", "momentum": "Momentum", "nesterov": "Nesterov", "rmsprop": "RMSProp",
    "adam": "Adam", "nadam": "NAdam", "adamw": "AdamW", "adagrad": "Adagrad",
    "adadelta": "Adadelta", "adamax": "AdaMax", "newton": "Newton", "lbfgs": "L-BFGS",
    "downpour": "Downpour SGD", "downpour_adagrad": "Downpour Adagrad", "easgd": "EASGD",
    "eamsgd": "EAMSGD", "adaptive_revision": "AdaptiveRevision",
    "radam": "RAdam", "nadamw": "NAdamW", "adafactor": "Adafactor", "rprop": "Rprop",
    "lion": "Lion", "muon": "Muon", "soap": "SOAP", "shampoo": "Shampoo",
    "schedule_free_sgd": "schedule-free SGD", "schedule_free_adamw": "schedule-free AdamW",
    "prodigy": "Prodigy", "ademamix": "AdEMAMix", "sam": "SAM",
}  # fmt: skip
AVERAGES = {"exponential": "exponential average", "polyak": "mean iterate"}
QUANTITIES = {
    "val_error": "validation error", "test_error": "test error", "train_loss": "training loss",
    "val_loss": "validation loss", "test_loss": "test loss", "steps_to_target": "steps to target",
    "seconds_to_target": "training seconds to target", "steps": "training steps",
    "train_error": "error on the training sample", "gap": "validation less training error",
    **{
        f"{kind}_{column}": f"{words} of the {average}"
        for kind, average in AVERAGES.items()
        for column, words in (
            ("val_error", "validation error"), ("test_error", "test error"),
            ("val_loss", "validation loss"), ("test_loss", "test loss"),
        )
    },
    "gradients_to_target": "gradients to target", "step": "step", "gradients": "gradients",
    "seconds": "seconds in steps",
}  # fmt: skip


def name(optimizer: str) -> str:
    return NAMES.get(optimizer, optimizer)


def listed(optimizers: Iterable[str]) -> str:
    """Names in a sentence.

    >>> listed(["sgd", "adam", "mine"])
    'SGD, Adam and mine'
    """
    names = [name(optimizer) for optimizer in optimizers]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def optimizer_order(optimizers: Iterable[str]) -> list[str]:
    """Distinct names, special before general as the inclusions list them, others as they come.

    >>> optimizer_order(["lion", "adam", "sgd", "adam", "momentum"])
    ['sgd', 'momentum', 'adam', 'lion']
    """
    hierarchy = dict.fromkeys(name for edge in EDGES for name in (edge.special, edge.general))
    given = list(dict.fromkeys(optimizers))
    return [name for name in hierarchy if name in given] + [n for n in given if n not in hierarchy]


def quantity(column: str, unit: str = "") -> str:
    """A column in words; with a unit such as ``error rate`` or ``cross entropy``, by that name.

    >>> quantity("val_error"), quantity("test_error", "cross entropy")
    ('validation error', 'test cross entropy')
    """
    words = QUANTITIES.get(column, column.removeprefix("hp.").replace("_", " "))
    return words.replace("error", unit) if unit and column.endswith("_error") else words


def averaged(column: str) -> str:
    """Of which average of the parameters an error is.

    >>> averaged("polyak_val_error")
    'mean iterate'
    """
    return AVERAGES[column.partition("_")[0]]


def measured(column: str, units: Iterable[str]) -> str:
    """A column in words, in the one unit that all workloads of a figure share, else as an error.

    >>> measured("val_error", ["loss", "loss"]), measured("val_error", ["loss", "error rate"])
    ('validation loss', 'validation error')
    """
    distinct = set(units)
    return quantity(column, distinct.pop() if len(distinct) == 1 else "")


def number(value: float, digits: int = 4) -> str:
    """An error in at most 6 characters; "-" where there is none.

    >>> number(0.01234), number(0.01234, 3), number(4.5), number(123.45), number(float("nan"))
    ('.0123', '.012', '4.500', '123.5', '-')
    >>> number(4e-6), number(2.978e29), number(48790.0), number(1520.0, 2)
    ('4e-06', '3e+29', '48790', '1520')
    """
    if pd.isna(value):
        return "-"
    if np.isinf(value):
        return "inf"
    if value and (abs(value) < 0.5 * 10.0**-digits or abs(value) >= 1e5):
        return f"{value:.0e}"
    if abs(value) < 1:
        return f"{value:.{digits}f}".replace("0.", ".", 1)
    if abs(value) >= 10**digits:
        return f"{value:.0f}"
    return f"{value:#.{digits}g}"
