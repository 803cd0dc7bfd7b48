"""What produced a record: code version, libraries, machine. Kept apart from what is deterministic."""

from __future__ import annotations

import functools
import os
import platform
import re
import socket
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import harness

LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "hydra-core")
CPUINFO = Path("/proc/cpuinfo")
INSTRUCTIONS = {  # the widest first
    "amx_bf16": "AMX", "avx512_bf16": "AVX-512 with bfloat16", "avx512bw": "AVX-512", "avx2": "AVX2",
}  # fmt: skip


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
    """The CPU's model name and its instructions for matrices: what float results follow to the bit.

    The name alone tells too little: Xeons of several generations go by one on rented machines, and
    oneDNN rounds otherwise where it finds AMX. As far as Linux tells.
    """
    told = cpuinfo(CPUINFO)
    flags = told.get("flags", "").split()
    at_most = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA")
    parts = [
        told.get("model name") or platform.processor() or platform.machine(),
        next((INSTRUCTIONS[flag] for flag in INSTRUCTIONS if flag in flags), ""),
        f"at most {at_most}" if at_most else "",
    ]
    return ", ".join(filter(None, parts))


def cpuinfo(path: Path) -> dict[str, str]:
    """The ``model name`` and ``flags`` of such a file, as far as it has them; empty where there is none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    found = re.findall(r"^(model name|flags)\s*:(.*)$", text, re.MULTILINE)
    return {key: value.strip() for key, value in found}
