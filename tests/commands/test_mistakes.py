"""A mistake is one line and exit status 2, and nothing is touched."""

import subprocess
import sys

import pytest

from harness.__main__ import command


def refusal(capsys, *arguments):
    """The one line a refused command prints, having exited with 2."""
    status = command(arguments)
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert err.startswith("harness: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["optimizer=adamm"],
            "optimizer 'adamm' is not in conf/optimizer: adadelta, ",
        ),
        (["optimizer=adamm"], "or give an import path such as torch.optim.AdamW"),
        (["workload=imagenet"], "workload 'imagenet' is not in conf/workload: "),
        (
            ["workload=cifar100_cnn", "optimizer=adagrad"],
            "cifar100_cnn has no search space for optimizer 'adagrad': write conf/search_space/"
            "cifar100_cnn/adagrad.yaml (--config-dir conf)\n",  # as no other one there fits it
        ),
        (["seeed=1"], "did you mean 'seed'?"),
        (["+optimiser=adam"], "configuration key 'optimiser' is not one of"),
        (["experiment=foo"], "experiment 'foo' is not in conf/experiment"),
        (["seeed=1"], "'seeed' is no key of this configuration"),
        (["search_space.effective_lr.hihg=1"], "'search_space.effective_lr.hihg' is no key"),
        (["model.widht=3"], "'model.widht' is no key"),
        (["workload.steps=abc"], "'abc' of type 'str' could not be converted to Integer"),
        (["workload.steps=0"], "workload.steps must be 1 or more, got 0"),
        (["workload.eval_every=0"], "workload.eval_every must be 1 or more, got 0"),
        (["workload.test_every=7"], "workload.test_every must be a multiple of eval_every"),
        (["num_trials=0"], "num_trials must be 1 or more, got 0"),
        (["first_trial=-1"], "first_trial must be 0 or more, got -1"),
        (["trial=-3"], "first_trial must be 0 or more, got -3"),
        (["max_trials=3"], "max_trials caps num_feasible=, which is not given"),
        (
            ["num_feasible=4", "num_trials=3"],
            "num_trials=3 and num_feasible=4 contradict each other; to run that many trials add"
            " num_feasible=null max_trials=null",
        ),
        (
            ["-m", "optimizer=sgd", "seed=0,1", "report=nowhere"],
            "report= compares one study a workload and optimizer, and this command runs two of"
            " digits_cnn/sgd",
        ),
        (["workers=0"], "workers must be 1 or more, got 0"),
        (["seed=-1"], "harness: seed must be 0 or more, got -1"),
        (["sampler.seed=-1"], "sampler.seed must be 0 or more, got -1"),
        (["device=tpu"], "expected one of [cpu, cuda, auto]"),
        (["precision=float8"], "expected one of [float32, bfloat16]"),
        (["search_space.eps.low=1e12"], "search_space.eps: a range must have low < high"),
        (["search_space.eps.low=-1"], "search_space.eps: a log-scale range must be positive"),
        (["+search_space.foo=1"], "hyperparameter of adam 'foo' is not one of: beta1, beta2, eps"),
        (
            ["search_space=digits_cnn/paper/adam", "~search_space.eps"],
            "lr_over_eps needs an eps axis",
        ),
        (["optimizer.rule=torch.optim.Nope"], "cannot be imported"),
        (["foo"], "foo"),
        (["model.width=-1"], "model.width"),
        (["-m", "optimizer=sgd,adamm"], "optimizer 'adamm' is not in conf/optimizer"),
        (["optimizer=sgd", "-m", "seed=0,-5"], "seed must be 0 or more, got -5"),
        (["-m", "optimizer=sgd", "workers=1,2"], "workers is 1 for one job and 2 for another"),
        (
            ["-m", "optimizer=sgd,adam", "search_space.lr.hihg=1"],
            "'search_space.lr.hihg' is no key",
        ),
    ],
)
def test_a_mistake_is_one_line(arguments, says, capsys, tmp_path):
    assert says in refusal(capsys, *arguments, f"root={tmp_path / 'results'}")
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["workload.name=../../x"], "workload.name '../../x' cannot name a folder under root="),
        (["optimizer.name=a/b"], "optimizer.name 'a/b' cannot name a folder under root="),
        (["workload.module=no.such.module"], "workload.module 'no.such.module' cannot be imported"),
        (["workload.module=..x"], "workload.module '..x' cannot be imported"),
        (["workload.module=math.sqrt"], "workload.module 'math.sqrt' cannot be imported"),
        (
            ["workload.module=math"],
            "workload.module 'math' has no function load(data, model, batch",
        ),
        (["model.width=0"], "model.width must be a whole number of at least 1"),
        (["checkpoint_every=soon"], "checkpoint_every must be steps such as 500 or a time"),
        (["trial_timeout=0"], "trial_timeout must be more than 0 seconds"),
        (["trial=3-1"], "trial must be indices such as 7 or 0-3,7"),
        (["damaged=ignore"], "expected one of [refuse, set_aside]"),
    ],
)
def test_a_mistake_that_takes_a_look_at_the_workload_is_one_line_too(words, says, capsys, tmp_path):
    assert says in refusal(capsys, *words, f"root={tmp_path / 'results'}")
    assert not list(tmp_path.rglob("*.json"))


def test_a_gpu_asked_for_where_there_is_none(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.running.device.cuda_devices", lambda: 0)
    line = refusal(capsys, "device=cuda", f"root={tmp_path}")
    assert "no CUDA device is visible here; use device=cpu or auto" in line


def test_a_missing_data_folder(capsys, tmp_path):
    arguments = ["workload=cifar10_resnet32", "data.format=image_folder", f"root={tmp_path / 'r'}"]
    line = refusal(capsys, *arguments, f"data.root={tmp_path / 'nowhere'}")
    assert str(tmp_path / "nowhere") in line


def test_a_results_folder_that_cannot_be_made(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    line = refusal(capsys, f"root={tmp_path / 'file' / 'results'}")
    assert "cannot be written" in line
    assert "give a folder you can write" in line


def test_a_broken_yaml_file(capsys, tmp_path):
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "broken.yaml").write_text("name: {broken\n")
    line = refusal(capsys, "--config-dir", str(tmp_path), "optimizer=broken", f"root={tmp_path}")
    assert "broken.yaml" in line
    assert "line 2" in line


def test_a_file_that_is_not_utf_8(capsys, tmp_path):
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "latin.yaml").write_bytes("name: käse\n".encode("latin-1"))
    line = refusal(capsys, "--config-dir", str(tmp_path), "optimizer=latin", f"root={tmp_path}")
    assert f"{tmp_path / 'optimizer' / 'latin.yaml'} is not UTF-8 text" in line


def test_a_damaged_record_is_refused(capsys, tmp_path):
    from harness.records.folder import StudyFolder
    from tests.studies import study

    folder = StudyFolder(tmp_path, study("optimizer=sgd"))
    folder.create()
    folder.record_path(0).write_text("{")
    line = refusal(capsys, "optimizer=sgd", "num_trials=1", f"root={tmp_path}")
    assert line.startswith(f"harness: record {folder.record_path(0)} is not JSON")
    assert folder.record_path(0).read_text() == "{"


def test_nothing_needs_torch_before_everything_is_checked(tmp_path):
    """It would take seconds to be told of a slip."""
    probe = (
        "import sys; from harness.__main__ import command;"
        f"command(['num_trials=0', 'root={tmp_path}']); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True).returncode == 0
