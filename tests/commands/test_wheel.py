"""The wheel carries everything: it runs away from the checkout, configurations included."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from harness.records import tables

pytestmark = pytest.mark.slow  # builds and installs

CHECKOUT = Path(__file__).parents[2]
PARTS = ("conf", "harness", "workloads", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy of the sources (setuptools writes beside what it builds)."""
    source = tmp_path_factory.mktemp("source")
    for part in PARTS:
        if (CHECKOUT / part).is_dir():
            shutil.copytree(
                CHECKOUT / part, source / part, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(CHECKOUT / part, source / part)
    target = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", target, source], check=True, timeout=300)
    (built,) = target.glob("*.whl")
    return built


def install(wheel, folder, *options):
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", *options, wheel], check=True, timeout=1800)
    return python


def check_runs(python, outside, **environment):
    def run(*arguments):
        ended = subprocess.run(
            [python, "-m", *arguments],
            cwd=outside,
            capture_output=True,
            text=True,
            timeout=600,
            env={**os.environ, **environment},
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    where = subprocess.run(
        [
            python,
            "-c",
            "import harness, harness.conf; print(harness.__file__, harness.conf.__file__)",
        ],
        cwd=outside,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    ).stdout
    assert str(CHECKOUT) not in where
    assert " optimizer= adadelta, " in run("harness", "--help")
    tiny = ["workload.steps=4", "workload.eval_every=2", "model.width=2", "num_trials=1"]
    run("harness", "root=results", "device=cpu", *tiny)
    assert tables.read(outside / "results").trials["status"].tolist() == ["complete"]
    run("harness", "report", "results", "--out", "report")
    assert (outside / "report" / "trials.csv").exists()


def test_the_wheel_runs_outside_the_checkout(wheel, tmp_path):
    """Its own environment, with the dependencies of this one on the path (not the checkout)."""
    python = install(wheel, tmp_path / "venv", "--no-deps")
    (tmp_path / "outside").mkdir()
    # Folders on PYTHONPATH have their .pth files ignored, so the editable install is not seen.
    check_runs(python, tmp_path / "outside", PYTHONPATH=sysconfig.get_path("purelib"))


def test_the_wheel_brings_its_dependencies(wheel, tmp_path):
    """Minutes and 5.5 GB: an empty environment, everything from the package registry."""
    python = install(wheel, tmp_path / "venv", "--constraint", CHECKOUT / "constraints.txt")
    (tmp_path / "outside").mkdir()
    check_runs(python, tmp_path / "outside", PYTHONPATH="")
