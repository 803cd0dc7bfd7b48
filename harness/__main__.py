"""The door: ``harness VERB …``, and ``harness key=value …`` for a run. Every mistake is one line."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from harness.errors import EXIT_COMPLETE, EXIT_SIGNAL
from harness.running import interruption


def main() -> None:
    """Entry point of ``python -m harness`` and of the ``harness`` console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # whatever the terminal's encoding lacks
    sys.exit(command(sys.argv[1:]))


def command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; a mistake in it is one line on stderr and a 2.

    Imports are made where they are needed: a spawned worker imports this module again, and
    ``--help`` should answer at once.
    """
    interruption.when_told()
    # Of numpy, and of no use here: beside other work two threads took twelve times as long as one.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from harness.commands import one_line, verbs

    verb, rest = verbs.split(arguments)
    name = f"harness {verb}" if verb in verbs.VERBS and verb != "run" else "harness"
    try:
        return verbs.main_of(verb)(rest)
    except KeyboardInterrupt:
        return one_line.say(name, "interrupted", EXIT_SIGNAL + 2)
    except SystemExit as ended:  # of argparse and Hydra, once help is printed
        if isinstance(ended.__context__, BrokenPipeError):  # how rich tells it
            return one_line.nobody_listens()
        return ended.code if isinstance(ended.code, int) else EXIT_COMPLETE
    except BrokenPipeError:  # whoever read our output has left
        return one_line.nobody_listens()
    except Exception as error:
        if _interrupted(error):
            return one_line.say(name, "interrupted", EXIT_SIGNAL + 2)
        return one_line.refuse(name, error)


def _interrupted(error: BaseException | None) -> bool:
    """Whether an error came of Ctrl-C: a library that is being imported may raise its own about it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


if __name__ == "__main__":
    main()
