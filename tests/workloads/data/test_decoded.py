"""Decoded images are one file that all processes map: however many workers, the machine holds them once."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from workloads.data.decoded import read, written
from workloads.tasks.images import ImageTask, Preparation

EXAMPLES = 1000
READER = """
import sys
from pathlib import Path
from workloads.data.decoded import read
images = read(Path(sys.argv[1])).images
print(int(images[:, 0, 0, 0].sum()), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (EXAMPLES, 32, 32, 3), dtype=np.uint8)
    labels = np.zeros(EXAMPLES, dtype=np.uint8)
    return written(tmp_path / "images", "made up", lambda scratch: (images, labels, "made up"))


def mapped(pid, path):
    """KiB of a process's mapping of a file: its Size, Rss, Pss, Private_Dirty, …"""
    found, here = Counter(), False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            here = line.endswith(str(path))
        elif here and (value := re.fullmatch(r"(\w+): +([0-9]+) kB", line)):
            found[value[1]] += int(value[2])
    return found


def test_three_processes_hold_the_images_once(folder):
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    try:
        assert len({reader.stdout.readline() for reader in readers}) == 1
        found = [mapped(reader.pid, folder / "images.npy") for reader in readers]
    finally:
        for reader in readers:
            reader.communicate()
    size = (folder / "images.npy").stat().st_size / 1024
    for each in found:
        assert each["Rss"] == pytest.approx(size, rel=0.01)  # all of it was read
        assert each["Private_Dirty"] + each["Private_Clean"] == 0
    assert sum(each["Pss"] for each in found) == pytest.approx(size, rel=0.01)


def test_a_task_takes_the_map_itself(folder):
    images, labels, description = read(folder)
    task = ImageTask(
        images,
        labels,
        dict.fromkeys(("train", "validation", "test"), np.arange(8)),
        build_model=lambda: None,
        preparation=Preparation(),
        batch_size=4,
        device="cpu",
        data_description=description,
    )
    task.minibatch(0, 0)
    assert task._images.data_ptr() == images.ctypes.data
