"""Which trials of a study run now, told by locks on the bytes of one file: byte i, trial i.

The kernel lets go of a lock when its holder dies, however it dies: a claim cannot go stale, and
needs neither clock nor heartbeat. It also holds between the nodes of a cluster (NFS 4, or 3 with
lockd; Lustre with -o flock). A claim only saves work: where a file system has no locks every claim
is granted, and a trial that two commands then both run gives the same record twice.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Iterable
from pathlib import Path

COMPACTION = 2**40  # a byte beyond every trial: who compacts the study
_BUSY = (errno.EACCES, errno.EAGAIN)
_FLOCK = "hhqqi0q"  # struct flock of 64-bit Linux: type, whence, start, length, process


class Claims:
    """The claims of this command on one study. One object a file and process.

    (POSIX locks belong to the process, and closing any descriptor of the file drops them all.)
    """

    def __init__(self, path: Path):
        self.path = path
        self.held: set[int] = set()
        try:
            self.file: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:  # a folder that can't be written says so when the record is written
            self.file = None

    def take(self, trial: int) -> bool:
        """Whether the trial is ours now; False when it already is somebody's, this command's too."""
        if trial in self.held:
            return False
        if self.file is not None:
            try:
                fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, trial)
            except OSError as error:
                if error.errno in _BUSY:
                    return False
        self.held.add(trial)
        return True

    def release(self, trial: int) -> None:
        self.held.discard(trial)
        if self.file is not None:
            with contextlib.suppress(OSError):
                fcntl.lockf(self.file, fcntl.LOCK_UN, 1, trial)

    def close(self) -> None:
        if self.file is not None:
            os.close(self.file)
        self.file = None
        self.held.clear()


def claimed(path: Path, trials: Iterable[int]) -> set[int]:
    """Those of the trials that some other process runs now; takes nothing, disturbs nobody."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return set()
    try:
        return {trial for trial in trials if _is_locked(file, trial)}
    except (OSError, struct.error):
        return set()
    finally:
        os.close(file)


def _is_locked(file: int, trial: int) -> bool:
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, trial, 1, 0)
    return struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))[0] != fcntl.F_UNLCK
