"""Lines on stderr for whoever still reads them."""

from __future__ import annotations

import contextlib
import sys

from harness.errors import printable


def tell(line: str) -> None:
    """A line on stderr, if anyone still reads it."""
    with whoever_listens():
        print(printable(line), file=sys.stderr, flush=True)


def whoever_listens() -> contextlib.AbstractContextManager[None]:
    """A terminal that is gone, a closed pipe (rich exits then), a full disk: no reason to stop a sweep."""
    return contextlib.suppress(OSError, SystemExit)
