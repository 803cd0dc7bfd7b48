"""What Hydra composes only to look at it: left out where nothing can come of it. It is half a command's time."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

MULTIRUN = ("-m", "--multirun")
MAY_SET_IT = re.compile(r"-(?!-config-dir|cd)|[+~]*(hydra\.(mode|searchpath)|experiment)\b")


@contextlib.contextmanager
def composed_once(words: Sequence[str], own: Path | None) -> Iterator[None]:
    """While entered, Hydra composes no job twice.

    It does all of it once beforehand, to read ``hydra.mode``. Where a flag tells the mode, or nothing that
    is named can set it (of the shipped files experiments alone do), it hears that none is set. And it
    composes each job of a sweep to see that a launcher elsewhere can; here all are, before any is launched.

    Args:
        own: the folder of --config-dir. None of its files sets the mode where none speaks of Hydra.
    """
    from hydra._internal.hydra import Hydra
    from hydra.plugins.sweeper import Sweeper

    mode, legal = Hydra.get_mode, Sweeper.validate_batch_is_legal
    told = "hydra.mode=RUN" in words or any(word in MULTIRUN for word in words)
    if told or not (any(map(MAY_SET_IT.match, words)) or _speaks_of_hydra(own)):
        Hydra.get_mode = lambda *_, **__: None  # type: ignore[method-assign]
    Sweeper.validate_batch_is_legal = lambda *_: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        Hydra.get_mode, Sweeper.validate_batch_is_legal = mode, legal  # type: ignore[method-assign]


def _speaks_of_hydra(own: Path | None) -> bool:
    """Whether one of the files that can be chosen by name does, or one can't be read."""
    files = [] if own is None else [*own.glob("*.yaml"), *own.glob("*/*.yaml")]
    try:
        return any(re.search(rb"hydra|experiment", path.read_bytes()) for path in files)
    except OSError:
        return True
