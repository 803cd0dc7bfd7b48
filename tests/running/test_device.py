"""Which devices and how many workers."""

import os

import pytest

from harness.__main__ import command
from harness.errors import ConfigError
from harness.running import device
from tests import studies


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


@pytest.mark.parametrize(
    ("cpuinfo", "precision", "slow"),
    [
        ("flags\t\t: fpu avx2 fma", "bfloat16", True),
        ("flags\t\t: fpu avx2 fma", "float32", False),
        ("flags\t\t: fpu avx512f avx512bw", "bfloat16", False),
        ("Features\t: fp asimd", "bfloat16", False),  # not x86: unknown
        (None, "bfloat16", False),
    ],
)
def test_bfloat16_that_must_be_emulated_is_known(cpuinfo, precision, slow, tmp_path):
    if cpuinfo is not None:
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{cpuinfo}\nbugs\t\t:\n")
    of = studies.study("optimizer=sgd", f"precision={precision}")
    assert device.slow_bfloat16([of], ["cpu"], tmp_path / "cpuinfo") == slow
    assert not device.slow_bfloat16([of], ["cuda:0"], tmp_path / "cpuinfo")


def test_a_sweep_in_emulated_bfloat16_says_so_first(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(device, "slow_bfloat16", lambda studies, devices: True)
    words = (
        "workload=digits_logistic",
        "optimizer=sgd",
        "num_trials=1",
        "workload.steps=2",
        "device=cpu",
    )
    assert command([*words, "precision=bfloat16", f"root={tmp_path}"]) == 0
    assert device.SLOW_BFLOAT16 in capfd.readouterr().err
