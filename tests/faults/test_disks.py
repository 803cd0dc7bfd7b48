"""A disk that fills up and a folder that turns read-only while a sweep runs."""

import os
import shutil
import subprocess

import pytest

from harness.records import reading, tables
from tests.faults import sweeps


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 192 KiB; `grow(size)` makes it larger."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(*options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(disk)]
        return subprocess.run(command, capture_output=True, text=True)

    made = mount("size=192k")
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield disk, lambda size: mount("remount", f"size={size}")
    subprocess.run(["umount", str(disk)], check=True)


def ends_in_one_line(status, errors):
    *_, last = errors.splitlines()
    assert status == 1, errors
    assert last.startswith("harness: ")
    assert "cannot be written" in last
    assert "the same command goes on" in last
    assert "Traceback" not in errors
    return last


def test_a_full_disk(small_disk, tmp_path):
    disk, grow = small_disk
    words = ("optimizer=sgd", "num_trials=60", "workers=2", "checkpoint_every=7")
    line = ends_in_one_line(*sweeps.run(disk, *words))
    assert "No space left on device" in line
    before = sweeps.results(disk)  # which reads and checks every one
    assert 0 < len(before) < 60
    assert not list(disk.rglob("*.tmp"))
    assert grow("2m").returncode == 0
    assert sweeps.run(disk, *words)[0] == 0
    after = sweeps.results(disk)
    assert len(after) == 60
    assert after.items() >= before.items()


def test_a_folder_that_turns_read_only(tmp_path):
    words = ("optimizer=sgd", "num_trials=100", "workers=2", "model.step_seconds=0.005")
    process = sweeps.start(tmp_path, *words, under=permissions_apply())

    def ended():
        return len(list(tmp_path.glob("*/*/*/trials/*.json")))

    sweeps.until(lambda: ended() >= 3 or process.poll() is not None)
    (trials,) = tmp_path.glob("*/*/*/trials")
    trials.chmod(0o555)
    _, errors = process.communicate(timeout=sweeps.PATIENCE)
    line = ends_in_one_line(process.returncode, errors)
    assert "Permission denied" in line
    assert 0 < len(list(reading.read_records(tmp_path))) < 100
    trials.chmod(0o755)
    assert sweeps.run(tmp_path, *words)[0] == 0
    assert tables.read(tmp_path).trials["trial"].tolist() == list(range(100))


def permissions_apply():
    """What to start a command with, so that even root may not write where the mode forbids it."""
    if os.geteuid() != 0:
        return []
    under = ["setpriv", "--bounding-set", "-dac_override"]
    if shutil.which("setpriv") is None or subprocess.run([*under, "true"]).returncode:
        pytest.skip("the tests are root's, and setpriv (util-linux) cannot drop its privilege here")
    return under


def test_a_temporary_folder_with_no_place_for_a_socket(tmp_path):
    """Its path is longer than a socket's may be: workers start without a server, only slower."""
    far = tmp_path / ("x" * 100)
    far.mkdir()
    root = tmp_path / "results"
    status, errors = sweeps.run(root, "optimizer=sgd", "num_trials=2", env={"TMPDIR": str(far)})
    assert status == 0, errors
    assert len(sweeps.results(root)) == 2
