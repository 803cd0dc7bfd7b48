"""Any terminal, any home: the same files whatever the terminal can show; substitutes for what it cannot."""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness import __main__ as door
from harness.errors import EXIT_COMPLETE, EXIT_FAILED
from tests.analysis.conftest import made_up_study, write_study
from tests.faults import sweeps
from tests.faults.test_disks import permissions_apply

TABLE = "workload,optimizer,trial,status,val_error\n" + "".join(
    f"digits,{name},{trial},complete,0.{trial + 10}\n"
    for name in ("sgd", "adam-ü→名")
    for trial in range(20)
)


def through_the_door(monkeypatch, words, encoding):
    """What `harness` prints to a terminal of that encoding, and its exit status."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in "12"]
    with monkeypatch.context() as patched:
        patched.setattr(sys, "argv", ["harness", *map(str, words)])
        patched.setattr(sys, "stdout", streams[0])
        patched.setattr(sys, "stderr", streams[1])
        with pytest.raises(SystemExit) as ended:
            door.main()
    out, err = (stream.buffer.getvalue().decode(encoding) for stream in streams)
    return ended.value.code, out, err


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_report_is_shown_with_substitutes(encoding, table, monkeypatch):
    status, out, err = through_the_door(monkeypatch, ["report", table], encoding)
    assert (status, err) == (EXIT_COMPLETE, "")
    shown = "adam-ü→名".encode(encoding, "replace").decode(encoding)
    assert shown in out
    assert "feasible" in out


def test_a_file_is_the_same_whatever_the_terminal(tmp_path, monkeypatch):
    write_study(
        tmp_path / "ü root", made_up_study("sgd"), [0.1 + place / 100 for place in range(60)]
    )
    words = ["refine", tmp_path / "ü root", "workload=made_up", "optimizer=sgd"]
    written = []
    for encoding in ("ascii", "utf-8"):
        path = tmp_path / f"{encoding}.yaml"
        status, _, err = through_the_door(monkeypatch, [*words, "--out", path], encoding)
        assert status == EXIT_COMPLETE, err
        written.append(path.read_text(encoding="utf-8"))
        assert through_the_door(monkeypatch, words, encoding)[0] == EXIT_COMPLETE
    assert written[0] == written[1]


@pytest.mark.parametrize("words", [["--help"], ["report", "--help"], ["optimizer=ünknown"]])
def test_help_and_mistakes_can_be_shown(words, monkeypatch):
    status, out, err = through_the_door(monkeypatch, words, "ascii")
    assert status in (0, 2)
    assert out + err


def test_a_sweep_and_its_report_without_any_locale(tmp_path):
    """And no file is read or written in whatever encoding the locale happens to have."""
    plain = {
        "LC_ALL": "C",
        "PYTHONIOENCODING": "ascii",
        "PYTHONUTF8": "0",
        "COLUMNS": "1",
        "NO_COLOR": "1",
    }
    strict = {"PYTHONWARNDEFAULTENCODING": "1", "PYTHONWARNINGS": "error::EncodingWarning:harness"}
    root = tmp_path / "Ergebnisse für →"
    words = ("optimizer=sgd", "num_trials=2", "workers=1", f"report={tmp_path / 'ü'}")
    status, errors = sweeps.run(root, *words, env={**plain, **strict})
    assert status == EXIT_COMPLETE, errors
    assert "Traceback" not in errors
    assert "→" not in errors
    assert len(sweeps.results(root)) == 2
    assert "SGD" in (tmp_path / "ü" / "report.html").read_text(encoding="utf-8")


def test_a_user_without_a_home(tmp_path, table):
    """As in many containers: no HOME, and a number that no name belongs to."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("it takes root and setpriv (util-linux) to be somebody else")
    under = ["env", "-u", "HOME", "setpriv", "--reuid", "54321", "--clear-groups"]
    folder = Path(tempfile.mkdtemp(prefix="harness-test-"))
    try:
        folder.chmod(0o777)
        shutil.copy(table, folder)
        command = [*under, sys.executable, "-m", "harness", "report", "trials.csv", "--out", "out"]
        if subprocess.run([*under, "test", "-r", door.__file__]).returncode:
            pytest.skip("the checkout is not everybody's to read")
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert ended.returncode == EXIT_COMPLETE, ended.stderr
        assert (folder / "out" / "report.html").exists()
    finally:
        shutil.rmtree(folder)


def test_a_home_that_cannot_be_written(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    words = ("optimizer=sgd", "num_trials=1", "workers=1")
    status, errors = sweeps.run(
        tmp_path / "results", *words, under=permissions_apply(), env={"HOME": str(home)}
    )
    assert status == EXIT_COMPLETE, errors
    assert not list(home.iterdir())


def test_whoever_reads_the_report_may_leave(tmp_path, table):
    """``harness report … | head -1``, and a full disk behind it."""
    pipe, end = os.pipe()
    os.close(pipe)
    command = [sys.executable, "-m", "harness", "report", str(table)]
    with os.fdopen(end, "w") as nobody:
        ended = subprocess.run(command, stdout=nobody, stderr=subprocess.PIPE, text=True)
    assert (ended.returncode, ended.stderr) == (EXIT_COMPLETE, "")
    with open("/dev/full", "w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == EXIT_FAILED
    assert ended.stderr == (
        "harness report: what it says cannot be written (No space left on device); make room\n"
    )
