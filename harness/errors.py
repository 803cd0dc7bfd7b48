"""What a user can get wrong, as one line: the rule, the value given, the remedy."""

from collections.abc import Iterable


class ConfigError(ValueError):
    """A mistake in what was asked for. The command line prints it alone and exits with status 2."""


def unknown(what: str, given: object, known: Iterable[object], remedy: str = "") -> ConfigError:
    """The error for a name that is not one of the known ones, which it lists."""
    names = ", ".join(str(name) for name in sorted(map(str, known)))
    return ConfigError(
        f"{what} {given!r} is not one of: {names}" + (f"; {remedy}" if remedy else "")
    )


class SweepError(RuntimeError):
    """What ends a sweep from outside: a full disk, workers that will not start. One line; status 1."""
