"""What produced a record: code version, libraries, machine. Kept apart from what is deterministic."""

from __future__ import annotations

import functools
import platform
import socket
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import harness

LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "hydra-core")


@functools.cache
def provenance() -> dict[str, Any]:
    """The same for every trial of a process: computed once, stored in each record's ``run``."""
    return {
        "code_version": code_version(),
        "versions": {"python": platform.python_version()} | library_versions(),
        "host": socket.gethostname(),
        "processor": processor(),
    }


def code_version() -> str:
    """The package version, with the git commit (and ``-dirty``) when run from a checkout."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return harness.__version__
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        commit = subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return harness.__version__
    return f"{harness.__version__}+{commit.strip()}"


def library_versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """The CPU's model name: float results are equal to the bit only on like processors."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
