"""How processes that need torch are started: it is imported once, by a server that forks them.

A worker then begins in milliseconds, not in the seconds that an import of torch takes, and the pages of it
are shared by all. A server belongs to the process that asks for it, serves all its commands, and ends with
the last of the processes that it serves. Only Linux forks after imports safely, and what a GPU's driver makes
of a fork is left untried: elsewhere, and where there can be no server, each imports torch for itself.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from typing import Any

from harness.errors import SweepError
from harness.running import interruption

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # without it cuBLAS may sum in another order each time
    # glibc keeps freed memory: a step of ResNet-8 takes 89 ms instead of 104 (LSTM: no difference).
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**31),
}
"""Of every such process, set before it starts: libraries read it once."""
# A server imports nothing of the folder it is started in.
SERVERS = {**ENVIRONMENT, "PYTHONSAFEPATH": "1"}
UNTOLD = 255  # the status of a process whose server died


def start(
    device: str, target: Callable[..., Any], *arguments: Any, deaf: bool = False
) -> BaseProcess:
    """A process that calls the function, with `ENVIRONMENT` besides our own environment.

    No daemon: a workload may have processes of its own.

    Args:
        deaf: `interruption.SIGNALS` are blocked in it, from its first instruction on.

    Raises:
        SweepError: no process can be started.
    """
    if multiprocessing.get_start_method() not in multiprocessing.get_all_start_methods():
        # In a process of joblib's: ours would be told of its method, which they lack.
        multiprocessing.set_start_method("spawn", force=True)
    ours = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    mask = ours | set(interruption.SIGNALS) if deaf else ours
    methods = ["forkserver"] if sys.platform == "linux" and device == "cpu" else []
    # A server has the environment of its own start, and ours may have changed since.
    begin = (mask, {**os.environ, **ENVIRONMENT}, target, *arguments)
    for method in (*methods, "spawn"):
        process: BaseProcess = multiprocessing.get_context(method).Process(  # type: ignore[attr-defined]
            target=_begin, args=begin
        )
        try:
            if method == "spawn":
                with _with(ENVIRONMENT), interruption.blocked():
                    process.start()
            else:
                _serve()
                process.start()
        except (OSError, EOFError) as error:  # no place for its socket, or it died importing torch
            failed = error
        else:
            return process
    raise SweepError(f"no worker can be started ({failed}); are there memory and processes left?")


def _serve() -> None:
    """Have a server. It begins deaf, and so does what it forks; `_begin` then says who hears."""
    forkserver.set_forkserver_preload(["torch"])
    with _with(SERVERS), interruption.blocked():
        forkserver.ensure_running()


def _begin(
    mask: set[int], environment: dict[str, str], target: Callable[..., Any], *arguments: Any
) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)


def buried(process: BaseProcess) -> None:
    """Wait for a process that has ended. Of one whose server died nobody tells: it is ended."""
    process.join()
    if process.exitcode == UNTOLD and process.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def _with(variables: dict[str, str]) -> Iterator[None]:
    """They are set for the child, not for the caller."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
