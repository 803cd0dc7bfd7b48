"""What a user can put right, as one line (the rule, the value given, the remedy), and exit statuses."""

import difflib
import re
from collections.abc import Iterable

EXIT_COMPLETE, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
EXIT_SIGNAL = 128  # plus the signal's number, as a shell tells it: 130 after Ctrl-C


class HarnessError(Exception):
    """What the command line says in one line, without a traceback."""

    exit_status = EXIT_FAILED


class ConfigError(HarnessError, ValueError):
    """A mistake in what was asked for."""

    exit_status = EXIT_USAGE


class SweepError(HarnessError, RuntimeError):
    """What ends a sweep from outside: a full disk, workers that will not start."""


def unknown(what: str, given: object, known: Iterable[object], remedy: str = "") -> ConfigError:
    """The error for a name that is not one of the known ones, which it lists."""
    names = ", ".join(str(name) for name in sorted(map(str, known)))
    return ConfigError(
        f"{what} {given!r} is not one of: {names}" + (f"; {remedy}" if remedy else "")
    )


def did_you_mean(name: str, known: Iterable[str], before: str = "", after: str = "") -> str:
    """The known name that a mistyped one resembles, as a question; letters in another order come first.

    >>> did_you_mean("adma", ["adamax", "adam"]), did_you_mean("mine", ["adam"])
    ("; did you mean 'adam'?", '')
    """
    close = difflib.get_close_matches(name, list(known), n=5)
    close.sort(key=lambda each: sorted(each) != sorted(name))
    return f"; did you mean {before + close[0] + after!r}?" if close else ""


def printable(text: object) -> str:
    """Text of others for a terminal: what would move its cursor or turn its writing is spelt out.

    >>> print(printable("sgd\\N{ESCAPE}[31m"))
    sgd\\x1b[31m
    """
    return MOVING.sub(lambda found: ascii(found[0])[1:-1], str(text))


MOVING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
