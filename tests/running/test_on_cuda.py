"""Trials on a GPU: the same bits again and cut, close to the CPU's, and errors that end one trial alone.

They skip where no CUDA device is visible, and there the command `pytest -rs` names them.
"""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from harness.__main__ import command
from harness.records import reading
from harness.records.record import deterministic
from harness.running.block import load_stacked, run_block
from harness.running.trial import load_task, run_trial
from harness.training.train import Training
from tests.studies import study

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as a worker's; before CUDA starts
GPU = "cuda:0"
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
CNN = ("workload.steps=24", "workload.eval_every=8", "model.width=8")
LSTM = (
    "workload=python_docs_lstm",
    "workload.steps=12",
    "workload.eval_every=6",
    "model.dropout=0.3",
)
MLP = ("workload=digits_mlp", "workload.steps=24", "workload.eval_every=8")
WORDS = {
    "cnn": ("optimizer=momentum", *CNN),
    "cnn, bfloat16": ("optimizer=adam", "precision=bfloat16", *CNN),
    "cnn, L2": ("optimizer=nadam", "+search_space.l2=1e-3", *CNN),
    "lstm with dropout": ("optimizer=adam", *LSTM),
    "mlp": ("optimizer=rmsprop", *MLP),
    "class": ("optimizer=adamw", *CNN),
    "groups": ("optimizer=muon", *CNN),
    "closure": ("optimizer=sam", *CNN),
    "modes": ("optimizer=schedule_free_adamw", *CNN),
    "noise and clipping": (
        "optimizer=momentum", "+search_space.noise_eta=1e-3", "+search_space.clip_norm=0.1", *CNN,
    ),
    "averages, a training sample, batch norm": (
        "optimizer=momentum", "averaging.exponential=0.9", "averaging.polyak=0.5",
        "workload.train_sample=100", "model.batch_norm=true", *CNN,
    ),
}  # fmt: skip


def training(of, task, device=GPU):
    return Training(of.config, of.point(1), of.seeds(1), task, device)


def ended(made):
    return made.results(made.run(lambda: False)), {
        name: value.detach().cpu() for name, value in made.model.named_parameters()
    }


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS.keys())
def test_the_same_bits_again_and_cut(words):
    """Cut after a third, gone on with in a fresh copy; dropout, L2, buffers and states among it."""
    of = study(*words)
    task = load_task(of, GPU)
    whole, again = (ended(training(of, task)) for _ in range(2))
    first = training(of, task)
    for _ in range(of.config["workload"]["steps"] // 3):
        assert first.train_one_step()
    if first.step % of.config["workload"]["eval_every"] == 0:
        first.evaluate()
    state = first.state()
    torch.rand(1000, device=GPU)  # what others draw meanwhile is no concern of the copy's
    second = training(of, task)
    second.restore(state)
    cut = ended(second)
    for other in (again, cut):
        assert other[0] == whole[0]
        for name, value in whole[1].items():
            assert torch.equal(other[1][name], value), name


@pytest.mark.parametrize("kind", ["cnn", "mlp", "cnn, L2"])
def test_it_trains_as_the_cpu_does(kind):
    """To rounding over the first steps; without dropout, whose generator is another there."""
    of = study(*WORDS[kind], "workload.steps=4", "workload.eval_every=1")
    here, there = (
        ended(training(of, load_task(of, device), device))[0]["curve"] for device in ("cpu", GPU)
    )
    assert there["train_loss"] == pytest.approx(here["train_loss"], rel=1e-3)


def test_float32_is_not_tf32():
    of = study(*WORDS["mlp"])
    training(of, load_task(of, GPU))
    a = torch.randn(512, 512, device=GPU)
    exact = (a.double() @ a.double()).float()
    assert ((a @ a) - exact).abs().max() < 1e-3  # TF32 is off by some 1e-2


def test_a_sweep_of_two_workers_gives_the_bits_of_each_trial_alone(tmp_path):
    words = ("optimizer=momentum", *CNN)
    assert command([*words, "device=cuda", "workers=2", "num_trials=6", f"root={tmp_path}"]) == 0
    of = study(*words)
    task = load_task(of, GPU)
    records = list(reading.read_records(tmp_path))
    assert len(records) == 6
    for record in records:
        assert deterministic(record) == deterministic(run_trial(of, record["trial"], task, GPU))
        assert torch.cuda.get_device_name(0) in record["run"]["device"]


def test_a_killed_sweep_goes_on_to_the_same_bits(tmp_path):
    words = ("optimizer=adam", *LSTM, "workload.steps=2000", "workload.eval_every=500")
    run = [sys.executable, "-m", "harness", *words, "device=cuda", "workers=1", "num_trials=2",
           "checkpoint_every=20", f"root={tmp_path}"]  # fmt: skip
    process = subprocess.Popen(run, start_new_session=True)
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("resuming.json")) and time.monotonic() < deadline:
        time.sleep(0.05)  # until its first checkpoint is proven to resume
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert command(run[3:]) == 0
    of = study(*words)
    task = load_task(of, GPU)
    records = list(reading.read_records(tmp_path))
    assert any("resumed_at_steps" in record["run"] for record in records)
    for record in records:
        assert deterministic(record) == deterministic(run_trial(of, record["trial"], task, GPU))


def test_memory_that_runs_out_costs_its_trial_alone():
    of = study("optimizer=adam", "workload=digits_mlp", *MLP[1:], "model.width=4000000")
    task = load_task(of, GPU)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(2**30 / total)  # the parameters alone take 1.2 GB
    try:
        assert run_trial(of, 0, task, GPU)["status"] == "out_of_memory"
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert run_trial(of, 0, task, GPU)["status"] in ("complete", "diverged")


@pytest.mark.parametrize(
    ("workload", "further"),
    [("quadratic_deep", ()), ("digits_mlp", ()), ("python_docs_lstm", ("model.dropout=0.3",))],
)
def test_trials_trained_as_one_are_those_trained_alone(workload, further):
    """The same tolerance as on a CPU: tests/training/test_stacked.py. Dropout is that of the trial alone."""
    steps = ("workload.steps=24", "workload.eval_every=8")
    lr = "search_space.lr={low: 1e-4, high: 1e-3, scale: log}"
    broad = f"search_space={workload}/broad/momentum"
    of = study(f"workload={workload}", "optimizer=momentum", broad, *steps, lr, *further)
    task = load_task(of, GPU)
    for record in run_block(of, range(4), load_stacked(of, GPU), GPU):
        alone = run_trial(of, record["trial"], task, GPU)
        assert record["status"] == alone["status"] == "complete"
        for name in ("val_loss", "train_loss", "learning_rate"):
            assert record["curve"][name] == pytest.approx(alone["curve"][name], rel=1e-4)
