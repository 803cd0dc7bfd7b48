"""The arguments of a verb: a mistake in them is an error like any other, and help is cheap."""

from __future__ import annotations

import argparse
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
