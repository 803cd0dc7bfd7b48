"""What the workers of a sweep hold in memory: what they share, and what each has to itself.

Runs a sweep of a short trial a worker and reads /proc/PID/smaps (Linux) while they train and evaluate.

    python scripts/worker_memory.py workload=fashion_mnist_cnn [--workers 16]

The words are those of `harness`. MiB of each kind of memory when the workers hold most together: in the
median worker resident (rss) and its own (private), of all workers together (pss, in which a page that
n processes hold counts 1/n in each, so that it adds up).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

DATA, LIBRARIES, OTHER, OWN = "data, mapped", "libraries, mapped", "other files", "no file's"
MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)")
Memory = dict[str, Counter[str]]  # KiB by kind, then by smaps' own names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=90, help="then the sweep is stopped (90)")
    given, words = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as root:
        sizes = f"num_trials={given.workers} workers={given.workers} root={root}".split()
        command = [sys.executable, "-m", "harness", "optimizer=sgd", *sizes, *words]
        sweep = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            found = watched(sweep, time.monotonic() + given.seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(sweep.pid, signal.SIGKILL)  # an evaluation can't be stopped otherwise
            sweep.wait()
    if len(found) != given.workers:
        sys.exit(f"{len(found)} workers were seen, the sweep's status is {sweep.returncode}")
    print(f"{' '.join(words)}: {given.workers} workers, MiB")
    print(f"{'':20}{'rss, of each':>14}{'private, of each':>18}{'pss, together':>15}")
    for kind in (DATA, LIBRARIES, OTHER, OWN):
        told(kind, [each[kind] for each in found])
    told("all", [sum(each.values(), Counter()) for each in found])


def told(kind: str, workers: list[Counter[str]]) -> None:
    rss, private, pss = (
        [sum(each[name] for name in names) / 1024 for each in workers]
        for names in (("Rss",), ("Private_Clean", "Private_Dirty"), ("Pss",))
    )
    print(
        f"{kind:20}{statistics.median(rss):14.1f}{statistics.median(private):18.1f}{sum(pss):15.0f}"
    )


def watched(sweep: subprocess.Popen[bytes], until: float) -> list[Memory]:
    """The workers' memory at the sample, of one every two seconds, at which they held most together."""
    most: tuple[int, list[Memory]] = (0, [])
    while sweep.poll() is None and time.monotonic() < until:
        time.sleep(2)
        found = []
        with contextlib.suppress(OSError):  # one has ended
            found = [memory(pid) for pid in workers(sweep.pid)]
        together = sum(kinds["Pss"] for each in found for kinds in each.values())
        most = max(most, (together, found), key=lambda sample: sample[0])
    return most[1]


def workers(pid: int) -> list[int]:
    """Of a command: the children of its server (harness/running/processes.py)."""
    return [
        worker
        for child in children(pid)
        if b"multiprocessing.forkserver" in Path(f"/proc/{child}/cmdline").read_bytes()
        for worker in children(child)
    ]


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def memory(pid: int) -> Memory:
    found: Memory = defaultdict(Counter)
    kind = OWN
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if mapping := MAPPING.fullmatch(line):
            kind = kind_of(mapping[1])
        elif value := re.fullmatch(r"(\w+): +(\d+) kB", line):
            found[kind][value[1]] += int(value[2])
    return found


def kind_of(path: str) -> str:
    if not path.startswith("/"):
        return OWN
    if path.endswith(".npy"):
        return DATA
    return LIBRARIES if ".so" in path else OTHER


if __name__ == "__main__":
    main()
