"""Which devices and how many workers."""

import os

import pytest

from harness.errors import ConfigError
from harness.running import device


@pytest.fixture
def gpus(monkeypatch):
    return lambda count: monkeypatch.setattr(device, "cuda_devices", lambda: count)


def test_auto_takes_every_gpu_and_the_cpu_where_there_is_none(gpus):
    gpus(2)
    assert device.resolve("auto") == device.resolve("cuda") == ["cuda:0", "cuda:1"]
    assert device.resolve("cpu") == ["cpu"]
    gpus(0)
    assert device.resolve("auto") == ["cpu"]


def test_a_gpu_asked_for_where_there_is_none_is_refused(gpus):
    gpus(0)
    with pytest.raises(ConfigError, match="no CUDA device is visible here; use device=cpu or auto"):
        device.resolve("cuda")


def test_another_device_lists_the_known():
    with pytest.raises(ConfigError, match="device 'tpu' is not one of: auto, cpu, cuda"):
        device.resolve("tpu")


def test_a_worker_a_gpu_or_a_core_unless_asked(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert device.worker_count(None, ["cuda:0", "cuda:1"]) == 2
    assert device.worker_count(None, ["cpu"]) == len(os.sched_getaffinity(0))
    assert device.worker_count(7, ["cpu"]) == 7


@pytest.mark.parametrize("count", [0, -1])
def test_no_workers_are_refused(count):
    with pytest.raises(ConfigError, match=f"workers must be 1 or more, got {count}"):
        device.worker_count(count, ["cpu"])


@pytest.mark.parametrize(("given", "cores"), [("3", 3), ("999", 64), ("0", 64), ("many", 64)])
def test_a_slurm_job_uses_the_cores_it_was_given(given, cores, monkeypatch):
    """Slurm does not always bind a job to them."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(64))
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", given)
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    assert device.worker_count(None, ["cpu"]) == cores
    monkeypatch.delenv("SLURM_JOB_ID")
    assert device.worker_count(None, ["cpu"]) == 64
