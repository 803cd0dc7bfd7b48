"""A mistake as one line on stderr and its exit status; a bug of ours as the traceback it is."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
import sys

from harness.errors import EXIT_COMPLETE, EXIT_FAILED, EXIT_USAGE, HarnessError, printable

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def refuse(name: str, error: Exception) -> int:
    """Say what a user can put right, or what befell the command; raise what is our bug."""
    from workloads.task import DataError

    if isinstance(error, HarnessError):
        return say(name, str(error), error.exit_status)
    if isinstance(error, DataError):
        return say(name, str(error), EXIT_USAGE)
    if isinstance(error, OSError) and error.errno in NO_ROOM and error.filename is None:
        nobody_listens()
        return say(
            name, f"what it says cannot be written ({error.strerror}); make room", EXIT_FAILED
        )
    if isinstance(error, OSError) and error.filename is not None:
        problem = f"{error.filename} cannot be used ({error.strerror})"
        return say(name, f"{problem}; mend it, or name another", EXIT_FAILED)
    from harness.config import mistakes

    if line := mistakes.one_line(error):
        return say(name, line, EXIT_USAGE)
    raise error


def say(name: str, line: str, status: int) -> int:
    with contextlib.suppress(OSError):  # nobody reads it: the status says it too
        print(f"{name}: {printable(' '.join(line.split()))}", file=sys.stderr, flush=True)
    return status


def nobody_listens() -> int:
    """``harness status | head`` is no failure; and nothing more can be printed."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_COMPLETE


def quoted(text: object) -> str:
    """A name or path as a shell takes it, and a command that has options and words of its own."""
    beside = "./" if re.match(r"-|study=|pool=", str(text)) else ""
    return shlex.quote(f"{beside}{text}")
