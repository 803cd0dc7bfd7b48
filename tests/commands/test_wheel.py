"""The wheel carries everything: it runs away from the checkout, configurations included."""

import os
import shutil
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def needed(requirements, found):
    """The installed distributions that requirements ask for, and theirs: by name into ``found``."""
    for text in requirements or ():
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if name not in found:
            found[name] = metadata.distribution(name)
            assert requirement.specifier.contains(found[name].version, prereleases=True), text
            needed(found[name].requires, found)
    return found


def test_the_wheel_names_all_that_it_needs(wheel, tmp_path):
    """What it requires, and what that requires, suffices: nothing else of this environment is on the path,
    nor the checkout: of folders on PYTHONPATH .pth files are ignored, so the editable install is not seen.

    That a package registry has them is what `make install` shows, in CI too.
    """
    python = install(wheel, tmp_path / "venv", "--no-deps")
    (installed,) = (tmp_path / "venv").glob("lib/*/site-packages/*.dist-info")
    found = needed(metadata.Distribution.at(installed).requires, {})
    assert {"torch", "scipy", "hydra-core"} <= set(found)
    assert not {"pytest", "optuna", "mypy"} & set(found)
    (tmp_path / "alone").mkdir()
    for distribution in found.values():
        for top in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            link = tmp_path / "alone" / top
            if not link.exists():
                link.symlink_to(distribution.locate_file(top))
    (tmp_path / "outside").mkdir()
    check_runs(python, tmp_path / "outside", PYTHONPATH=str(tmp_path / "alone"))
