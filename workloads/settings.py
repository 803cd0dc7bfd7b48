"""Reading a workload's `data:` and `model:` settings, with a one-line error for a wrong one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

from workloads.task import DataError


class Rule(NamedTuple):
    """What a setting has to be, in words and as a test. A setting that is absent is null (None)."""

    words: str
    holds: Callable[[Any], bool]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


POSITIVE = Rule("a whole number of at least 1", lambda v: _is_whole(v) and v >= 1)
PROBABILITY = Rule(
    "a number in [0, 1)", lambda v: (_is_whole(v) or isinstance(v, float)) and 0 <= v < 1
)
NUMBER = Rule(
    "a number of at least 0", lambda v: (_is_whole(v) or isinstance(v, float)) and 0 <= v < math.inf
)
TWO_NUMBERS = Rule(
    "two numbers, such as [1.0, -2.0]",
    lambda v: (
        isinstance(v, list | tuple)
        and len(v) == 2
        and all((_is_whole(x) or isinstance(x, float)) and math.isfinite(x) for x in v)
    ),
)
FLAG = Rule("true or false", lambda v: v is None or isinstance(v, bool))
PATH = Rule("a path or null", lambda v: v is None or (isinstance(v, str) and v != ""))


def or_null(rule: Rule) -> Rule:
    return Rule(f"{rule.words}, or null", lambda v: v is None or rule.holds(v))


def one_of(*choices: Any) -> Rule:
    return Rule(
        "one of " + ", ".join(map(str, choices)),
        lambda v: any(type(v) is type(choice) and v == choice for choice in choices),
    )


CHAR_LSTM = {
    "hidden_size": POSITIVE,
    "layers": POSITIVE,
    "dropout": PROBABILITY,
    "sequence_length": POSITIVE,
}
"""The `model:` settings of the two character LSTMs (here, where torch is not needed)."""

DEEPOBS = {"train_on_validation": FLAG, "drop_remainder": FLAG, "same_order_each_epoch": FLAG}
"""The `data:` settings of DeepOBS's problems on images, each of which brings one nearer to its
published runs: tasks/splits.py, tasks/order.py."""


def read(section: str, node: Mapping[str, Any], **rules: Rule) -> SimpleNamespace:
    """The settings of config node `section`, each checked by its rule.

    Raises:
        DataError: for a setting without a rule (the known ones are listed) or a value against it.
    """
    for name in node:
        if name not in rules:
            known = ", ".join(rules) or f"leave it out, {section} has none"
            raise DataError(f"{section}.{name} is not a setting of this workload: {known}")
    for name, rule in rules.items():
        value = node.get(name)
        if not rule.holds(value):
            given = "null" if value is None else repr(value)
            raise DataError(f"{section}.{name} must be {rule.words}, not {given}")
    return SimpleNamespace(**{name: node.get(name) for name in rules})
