"""``harness -sc …``: Hydra's tab completion of overrides, with the verbs and their options added."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Sequence

from harness.commands.verbs import HELP, VERBS, main_of
from harness.errors import EXIT_COMPLETE, HarnessError


def main(arguments: Sequence[str]) -> int:
    """Print what could follow COMP_LINE; anything but a query is Hydra's."""
    line = os.environ.get("COMP_LINE", "")
    said_run = re.match(r"\S+\s+run\s", line) is not None
    if said_run:  # Hydra knows no verbs
        os.environ["COMP_LINE"] = line = re.sub(r"\s+run\s+", " ", line, count=1)
    words = line.split()
    query = any(argument.startswith("query=") for argument in arguments)
    first = len(words) < 2 or (len(words) == 2 and not line.endswith(" "))
    if query and not first and words[1] in VERBS and words[1] != "run":
        print(" ".join(_options(words[1])))
        return EXIT_COMPLETE
    if query and first and not said_run:
        started = words[1] if len(words) > 1 else ""
        print(" ".join(verb for verb in VERBS if verb.startswith(started)), end=" ")
    from harness.config.compose import compose

    compose(arguments)
    return EXIT_COMPLETE


def _options(verb: str) -> list[str]:
    """The options in a verb's help; the shell itself completes file names."""
    help_text = io.StringIO()
    with contextlib.redirect_stdout(help_text), contextlib.suppress(SystemExit, HarnessError):
        main_of(verb)([HELP[1]])
    return list(dict.fromkeys(re.findall(r"--[a-z][a-z-]+", help_text.getvalue())))
