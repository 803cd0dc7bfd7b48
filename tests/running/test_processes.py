"""Processes that a server forks: with our environment of now, from one import of torch, gone when we are."""

import multiprocessing
import multiprocessing.forkserver as servers
import os
import signal
import sys

import pytest

from harness.errors import SweepError
from harness.running import processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there a server forks")


def told(device="cpu"):
    """What a process of ours tells of itself."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = processes.start(device, tell, there)
    there.close()
    answer = here.recv()
    process.join()
    return answer


def tell(connection):
    begun = {name: os.environ.get(name) for name in (*processes.ENVIRONMENT, "HARNESS_CACHE")}
    imported = "torch" in sys.modules
    connection.send((begun, imported, os.getppid()))


def test_each_has_our_environment_of_now_and_the_one_of_workers(monkeypatch):
    before = os.environ.get("MKL_NUM_THREADS")
    for cache in ("one", "other"):
        monkeypatch.setenv("HARNESS_CACHE", cache)
        environment, imported, parent = told()
        assert environment == {**processes.ENVIRONMENT, "HARNESS_CACHE": cache}
        assert imported
        assert parent not in (os.getpid(), 1)
    assert os.environ.get("MKL_NUM_THREADS") == before


def test_on_a_gpu_each_imports_torch_itself():
    _, imported, parent = told("cuda:0")
    assert not imported
    assert parent == os.getpid()


def test_a_server_that_was_ended_is_one_line_and_the_next_command_has_another(monkeypatch):
    first = told()[2]
    os.kill(first, signal.SIGKILL)
    with monkeypatch.context() as patch:
        patch.setattr(servers._forkserver, "ensure_running", lambda: None)
        with pytest.raises(SweepError, match="the process that starts workers ended"):
            told()
    assert told()[2] != first
