"""Which devices there are, told without importing torch (that takes seconds; an error should not)."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from harness.errors import ConfigError, unknown
from harness.records.provenance import CPUINFO, cpuinfo
from harness.study.study import Study

SLOW_BFLOAT16 = (
    "precision=bfloat16: this processor has no instructions for it (AVX-512), and a step may take several times"
    " as long as with precision=float32, which is another study"
)


def cuda_devices() -> int:
    """The number of CUDA devices the driver shows to this process; 0 without a driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def resolve(device: str) -> list[str]:
    """The torch devices to use for ``cpu``, ``cuda`` or ``auto``.

    Raises:
        ConfigError: another name, or cuda where there is none.
    """
    if device not in ("cpu", "cuda", "auto"):
        raise unknown("device", device, ("cpu", "cuda", "auto"))
    if device == "cpu":
        return ["cpu"]
    count = cuda_devices()
    if device == "cuda" and count == 0:
        raise ConfigError("device=cuda, but no CUDA device is visible here; use device=cpu or auto")
    return [f"cuda:{index}" for index in range(count)] or ["cpu"]


def slow_bfloat16(studies: Iterable[Study], devices: list[str], processor: Path = CPUINFO) -> bool:
    """Whether a study wants bfloat16 of a processor that has no instructions for it, as far as Linux tells.

    Those of x86 that PyTorch uses are AVX-512's. Without, a step of 2c2d a quarter as wide took 233 ms, 34 in
    float32.
    """
    wanted = any(study.config["precision"] == "bfloat16" for study in studies)
    if devices != ["cpu"] or not wanted:
        return False
    told = cpuinfo(processor)
    return "flags" in told and "avx512bw" not in told["flags"].split()


def worker_count(workers: int | None, devices: list[str]) -> int:
    """How many workers to start: as asked, else one a core on a CPU and one a GPU.

    Raises:
        ConfigError: fewer than one.
    """
    if workers is not None:
        if workers < 1:
            raise ConfigError(
                f"workers must be 1 or more, got {workers}; leave it out for one a core"
            )
        return workers
    return _cores() if devices == ["cpu"] else len(devices)


def _cores() -> int:
    """The cores this process may use; Slurm does not always bind a job to those it gave it."""
    cores = len(os.sched_getaffinity(0))
    given = os.environ.get("SLURM_CPUS_ON_NODE", "") if "SLURM_JOB_ID" in os.environ else ""
    return min(cores, int(given)) if given.isdigit() and int(given) else cores
