"""The arguments of a verb: a mistake in them is an error like any other, and help is cheap."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from harness.errors import ConfigError


class Parser(argparse.ArgumentParser):
    """argparse, but for a mistake: one line that says where the options are listed.

    Defined before anything costly is imported, so that ``harness VERB --help`` answers at once.
    """

    def __init__(self, verb: str, description: str | None):
        super().__init__(
            prog=f"harness {verb}",
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Raises ConfigError with the message."""
        raise ConfigError(f"{message}; {self.prog} --help lists what it takes")


def choosing_studies(parser: argparse.ArgumentParser) -> None:
    """The options that say which of several studies of a workload and optimizer is meant."""
    add = parser.add_argument
    add("--study", action="append", help="fingerprint to keep, where a pair has several studies")
    add("--pool", action="store_true", help="merge studies that differ in their seeds alone")


def chosen(
    given: argparse.Namespace, words: Sequence[str]
) -> tuple[list[str], list[str] | None, bool]:
    """The other words, and which studies are meant: by --study and --pool, or study= and pool=true among the words.

    Raises:
        ConfigError: a value of pool= that is neither true nor false.
    """
    choices = [word for word in words if word.startswith(("study=", "pool="))]
    for word in choices:
        if word.startswith("pool=") and word not in ("pool=true", "pool=false"):
            raise ConfigError(f"pool= is true or false, got {word!r}")
    study = [word.removeprefix("study=") for word in choices if word.startswith("study=")]
    return (
        [word for word in words if word not in choices],
        [*(given.study or []), *study] or None,
        given.pool or "pool=true" in choices,
    )


def labelled(words: Sequence[str]) -> dict[str, Path]:
    """Sources by their label, in the order given.

    Raises:
        ConfigError: a word that is not LABEL=ROOT, or a label twice.
    """
    found: dict[str, Path] = {}
    for word in words:
        label, equals, root = word.partition("=")
        if not (label and equals and root):
            raise ConfigError(f"{word!r} is not LABEL=ROOT; such as 'grid=results/grid'")
        if label in found:
            raise ConfigError(f"the label {label!r} is given twice; give each root its own")
        found[label] = Path(root)
    return found
