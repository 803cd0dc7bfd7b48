"""How processes that need torch are started: it is imported once, by a server that forks them.

A worker then begins in milliseconds, not in the seconds that an import of torch takes, and the pages of it
are shared by all. A server belongs to the process that asks for it, serves all its commands, and ends with it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from typing import Any

from harness.errors import SweepError

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # without it cuBLAS may sum in another order each time
    # glibc keeps freed memory: a step of ResNet-8 takes 89 ms instead of 104 (LSTM: no difference).
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**31),
}
"""Of every such process, set before it starts: libraries read it once."""


def context(device: str) -> Any:
    """multiprocessing's context for processes on that device.

    Only Linux forks after imports safely, and what a GPU's driver makes of a fork is left untried: elsewhere
    each process imports torch for itself. So it does where a server has no place for its socket.
    """
    if multiprocessing.get_start_method() not in multiprocessing.get_all_start_methods():
        # In a process of joblib's: ours would be told of its method, which they lack.
        multiprocessing.set_start_method("spawn", force=True)
    if sys.platform != "linux" or device != "cpu":
        return multiprocessing.get_context("spawn")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["torch"])
    try:
        forkserver.ensure_running()
    except OSError:  # the temporary folder's path is longer than a socket's may be, or its disk full
        return multiprocessing.get_context("spawn")
    return server


def start(device: str, target: Callable[..., Any], *arguments: Any) -> BaseProcess:
    """A process that calls the function, with `ENVIRONMENT` besides our own environment.

    No daemon: a workload may have processes of its own.

    Raises:
        SweepError: the server ended.
    """
    process: BaseProcess
    with _environment():
        # A server has the environment of its own start, and ours may have changed since.
        process = context(device).Process(
            target=_begin, args=(dict(os.environ), target, *arguments)
        )
        try:
            process.start()
        except (EOFError, ConnectionError) as error:
            raise SweepError(
                "the process that starts workers ended; its own words stand above, if there are any;"
                " lower workers= if memory is short"
            ) from error
    return process


def _begin(environment: dict[str, str], target: Callable[..., Any], *arguments: Any) -> None:
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """`ENVIRONMENT` for the child, not for the caller."""
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
