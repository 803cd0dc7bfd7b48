"""``harness -sc …``: Hydra's tab completion of overrides, with the verbs and their options added.

Hydra knows no verbs: it is asked about the line without what is a verb's own.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Sequence

from harness.commands.verbs import HELP, VERBS, main_of
from harness.errors import EXIT_COMPLETE, HarnessError

WORDS = "KEY=VALUE"  # in the help of a verb that takes words of a run


def main(arguments: Sequence[str]) -> int:
    """Print what could follow COMP_LINE; anything but a query is Hydra's."""
    program, *before, typed = re.split(r"\s+", os.environ.get("COMP_LINE", " "))
    verb = before[0] if before and before[0] in VERBS else None
    if any(argument.startswith("query=") for argument in arguments):
        if not before:
            print(" ".join(each for each in VERBS if each.startswith(typed)), end=" ")
        elif verb not in (None, "run"):
            told = _help(verb)
            print(" ".join(dict.fromkeys(re.findall(r"--[a-z][a-z-]+", told))), end=" ")
            if WORDS not in told or typed.startswith("-"):
                return EXIT_COMPLETE
    if verb:
        before = [word for word in before[1:] if verb == "run" or _is_override(word)]
        os.environ["COMP_LINE"] = " ".join([program, *before, typed])
    from harness.config.compose import compose

    compose(arguments)
    return EXIT_COMPLETE


def _is_override(word: str) -> bool:
    return "=" in word and not word.startswith("-")


def _help(verb: str) -> str:
    """A verb's page; the shell itself completes file names."""
    help_text = io.StringIO()
    with contextlib.redirect_stdout(help_text), contextlib.suppress(SystemExit, HarnessError):
        main_of(verb)([HELP[1]])
    return help_text.getvalue()
