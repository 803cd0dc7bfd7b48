"""Processes that a server forks: with our environment of now, from one import of torch, gone when we are."""

import multiprocessing
import multiprocessing.connection
import multiprocessing.forkserver as servers
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from harness.running import interruption, processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there a server forks")


def told(device="cpu", **options):
    """What a process of ours tells of itself."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = processes.start(device, tell, there, **options)
    there.close()
    answer = here.recv()
    process.join()
    return answer


def tell(connection):
    begun = {name: os.environ.get(name) for name in (*processes.ENVIRONMENT, "HARNESS_CACHE")}
    deaf_to = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    connection.send((begun, "torch" in sys.modules, deaf_to, os.getppid()))


def wait(connection):
    connection.send(os.getppid())
    time.sleep(600)


def test_each_has_our_environment_of_now_and_the_one_of_workers(monkeypatch):
    before = dict(os.environ)
    for cache in ("one", "other"):
        monkeypatch.setenv("HARNESS_CACHE", cache)
        environment, imported, _, parent = told()
        assert environment == {**processes.ENVIRONMENT, "HARNESS_CACHE": cache}
        assert imported
        assert parent not in (os.getpid(), 1)
    assert dict(os.environ) == {**before, "HARNESS_CACHE": "other"}


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_a_worker_hears_no_signals_whoever_had_the_server_started(device):
    assert told(device)[2] == set()
    assert told(device, deaf=True)[2] == set(interruption.SIGNALS)
    assert told(device)[2] == set()


def test_on_a_gpu_each_imports_torch_itself():
    _, imported, _, parent = told("cuda:0")
    assert not imported
    assert parent == os.getpid()


def test_without_a_server_each_imports_torch_itself_and_the_next_command_has_one(monkeypatch):
    first = told()[3]
    os.kill(first, signal.SIGKILL)
    with monkeypatch.context() as patch:
        patch.setattr(servers, "ensure_running", lambda: None)  # as if it died just now
        _, imported, _, parent = told()
        assert (imported, parent) == (False, os.getpid())
    assert told()[3] not in (first, os.getpid())


def test_a_process_whose_server_died_is_ended():
    here, there = multiprocessing.Pipe(duplex=False)
    process = processes.start("cpu", wait, there)
    os.kill(here.recv(), signal.SIGKILL)
    multiprocessing.connection.wait([process.sentinel], timeout=10)
    processes.buried(process)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{process.pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
