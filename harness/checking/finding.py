"""What a check found: a verdict, what was looked at, and what was seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

OK, LOOK, WRONG = "ok", "look", "wrong"
"""As it should be; unusual, and a person should look; not to be trained with."""


class Finding(NamedTuple):
    """One line of a check."""

    verdict: str
    what: str
    told: str

    def line(self) -> str:
        """For a terminal.

        >>> Finding(OK, "memory", "2.0 times the parameters").line()
        '  ok     memory            2.0 times the parameters'
        """
        return f"  {self.verdict:<6} {self.what:<17} {self.told}"


def worst(findings: Iterable[Finding]) -> str:
    """The worst verdict of any."""
    return max((each.verdict for each in findings), key=(OK, LOOK, WRONG).index, default=OK)


def said(error: BaseException) -> str:
    """What an exception says, in one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
