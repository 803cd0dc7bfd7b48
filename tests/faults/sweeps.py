"""Small sweeps as a user starts them: the real command, in a process of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness.records import reading
from harness.records.record import deterministic
from tests import studies

REPOSITORY = Path(__file__).parents[2]
CONF = Path(__file__).parent / "conf"
FORKS = b"multiprocessing.forkserver"
PATIENCE = 120  # seconds for what takes two or three on a free machine


def words(root, *overrides):
    return ["--config-dir", str(CONF), "workload=tiny", "device=cpu", f"root={root}", *overrides]


def start(root, *overrides, under=(), **options):
    """The command, started (by another, `under`), the leader of its own process group."""
    options = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True} | options
    options["env"] = {**os.environ, **options.get("env", {})}
    command = [*under, sys.executable, "-m", "harness", *words(root, *overrides)]
    return subprocess.Popen(command, cwd=REPOSITORY, start_new_session=True, **options)


def run(root, *overrides, **options):
    """The command, ended: (status, stderr)."""
    process = start(root, *overrides, **options)
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors


def study(*overrides):
    """The study that overrides compose, in this process."""
    return studies.study("--config-dir", str(CONF), "workload=tiny", *overrides)


def results(root):
    """{(optimizer, trial): the deterministic part of its record}."""
    return {(r["optimizer"], r["trial"]): deterministic(r) for r in reading.read_records(root)}


def until(condition, seconds=PATIENCE):
    """Wait for a condition and give what it gave."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.02)
    return value


def processes(group):
    """The live processes of a group (zombies too): {pid: state}."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            found[int(entry.name)] = fields[0]
    return found


def workers(command):
    """The worker processes of a command: those that its server forked."""
    return [
        worker
        for child in children(command)
        if FORKS in read(f"/proc/{child}/cmdline")
        for worker in children(child)
    ]


def children(pid):
    return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]


def read(path):
    """What a process's file says; nothing once it has ended."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def wait_for_workers(process):
    """Until a command has workers, or has ended."""
    until(lambda: workers(process.pid) or process.poll() is not None)


def kill_one(victim, process, draw):
    """One of the workers (which the command survives), the command, or the group; whether it was there."""
    if victim == "worker":
        found = workers(process.pid)
        return bool(found) and kill(draw.choice(found))
    alive = process.poll() is None
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if victim == "group" else os.kill)(process.pid, signal.SIGKILL)
    process.wait()
    # Orphans end at their next step, or at the end of their imports.
    until(lambda: not processes(process.pid))
    return alive


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
