"""What a user can put right, as one line (the rule, the value given, the remedy), and exit statuses."""

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
