"""The command line: what composes, what is refused, and how."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module

from harness.__main__ import command
from harness.config import build as config
from harness.records.record import new_record
from harness.records import tables
from harness.records.folder import StudyFolder
from harness.records.reading import read_studies
from workloads import war_and_peace_lstm

CONF = Path(__file__).parents[2] / "conf"
TINY = ["workload.steps=4", "workload.eval_every=2", "model.width=2", "workers=1", "device=cpu"]


def names(group):
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def composed(*overrides):
    config.register()
    with initialize_config_module("harness.conf", version_base="1.3"):
        return config.study(compose("config", [*overrides]))


def refusal(capsys, *arguments):
    """The one line a refused command prints, having exited with 2."""
    status = command(arguments)
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert err.startswith("harness: ")
    assert err.count("\n") == 1
    return err


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **environment},
    )


# --- every configuration composes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workload", "optimizer"),
    [
        (folder.name, path.stem)
        for folder in sorted((CONF / "search_space").iterdir())
        for path in sorted(folder.glob("*.yaml"))
    ],
)
def test_every_pair_of_workload_and_optimizer_composes(workload, optimizer):
    study = composed(f"workload={workload}", f"optimizer={optimizer}")
    assert (study.workload, study.optimizer) == (workload, optimizer)
    assert study.point(0).keys() == study.space.keys()


@pytest.mark.parametrize("experiment", names("experiment"))
def test_every_experiment_composes_for_each_of_its_optimizers(experiment):
    config.register()
    with initialize_config_module("harness.conf", version_base="1.3"):
        whole = compose("config", [f"experiment={experiment}"], return_hydra_config=True)
        for optimizer in whole.hydra.sweeper.params.optimizer.split(","):
            one = compose("config", [f"experiment={experiment}", f"optimizer={optimizer}"])
            assert config.study(one).optimizer == optimizer
            assert config.request(one, config.study(one)).num_trials >= 1


def test_there_is_an_experiment():
    assert "quickstart" in names("experiment")


# --- one line, exit status 2, nothing touched ------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["optimizer=adamm"],
            "optimizer 'adamm' is not in conf/optimizer: adadelta, adagrad, adam",
        ),
        (["optimizer=adamm"], "or give an import path such as torch.optim.AdamW"),
        (["workload=imagenet"], "workload 'imagenet' is not in conf/workload: cifar10_resnet32"),
        (
            ["optimizer=adagrad"],
            "digits_cnn has no search space for optimizer 'adagrad'; write conf/",
        ),
        (["seeed=1"], "did you mean 'seed'?"),
        (["+optimiser=adam"], "configuration key 'optimiser' is not one of"),
        (["experiment=foo"], "experiment 'foo' is not in conf/experiment"),
        (["seeed=1"], "'seeed' is no key of this configuration"),
        (["search_space.lr_over_eps.hihg=1"], "'search_space.lr_over_eps.hihg' is no key"),
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
        (["~search_space.eps"], "lr_over_eps needs an eps axis"),
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


def test_a_gpu_asked_for_where_there_is_none(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.device.cuda_devices", lambda: 0)
    line = refusal(capsys, "device=cuda", f"root={tmp_path}")
    assert "no CUDA device is visible here; use device=cpu or auto" in line


def test_a_missing_data_folder(capsys, tmp_path):
    arguments = ["workload=cifar10_resnet32", "data.format=image_folder", f"root={tmp_path / 'r'}"]
    line = refusal(capsys, *arguments, f"data.root={tmp_path / 'nowhere'}")
    assert str(tmp_path / "nowhere") in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_results_folder_for_ordinary_users(capsys, tmp_path):
    tmp_path.chmod(0o500)
    assert "cannot be written" in refusal(capsys, f"root={tmp_path / 'results'}")


def test_a_results_folder_that_cannot_be_made(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    line = refusal(capsys, f"root={tmp_path / 'file' / 'results'}")
    assert "cannot be written" in line
    assert "give a folder you can write" in line


def test_a_mistake_is_told_fast_and_by_the_real_command(tmp_path):
    """In about a second: torch is not imported before everything is checked."""
    ended = run("optimizer=adamm", f"root={tmp_path}")
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    probe = (
        "import sys; from harness.__main__ import command;"
        f"command(['num_trials=0', 'root={tmp_path}']); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True).returncode == 0


@pytest.fixture
def two_texts(tmp_path):
    """(words, first, second): a study of any text, and the overrides that name two of them."""
    for name in ("one", "other"):
        (tmp_path / name).write_text(f"This is the {name} text. " * 500)
    words = ["workload=war_and_peace_lstm", "optimizer=sgd", "data.any_edition=true"]
    return words, f"data.file={tmp_path / 'one'}", f"data.file={tmp_path / 'other'}"


def test_trials_of_another_text_are_not_taken_for_this_ones(two_texts, capsys, tmp_path):
    """Also where all trials asked for have records, and no worker opens the data."""
    words, first, second = two_texts
    study = composed(*words, first)
    assert study.fingerprint == composed(*words, second).fingerprint
    folder = StudyFolder(tmp_path / "results", study)
    folder.create()
    of_first = {"sha256": war_and_peace_lstm.data_sha256(study.config["data"])}
    folder.write(new_record(study, 0) | {"status": "diverged", "data": of_first})
    common = [*words, "num_trials=1", "device=cpu", f"root={tmp_path / 'results'}"]
    assert command([*common, first]) == 0
    capsys.readouterr()
    line = refusal(capsys, *common, second)
    assert f"{study.name} has records of data with sha256 {of_first['sha256'][:12]}…" in line
    assert "give another root=, or the data of those records" in line


def test_one_command_does_not_mix_two_texts_in_a_study(two_texts, capsys, tmp_path):
    words, first, second = two_texts
    both = f"{first},{second.removeprefix('data.file=')}"
    line = refusal(capsys, "-m", *words, both, f"root={tmp_path / 'results'}")
    assert "one for one job of war_and_peace_lstm/sgd/" in line
    assert "run them one by one, each with its own root=" in line
    assert not list(tmp_path.rglob("*.json"))


# --- what runs -------------------------------------------------------------------------------------


def test_a_study_runs_and_runs_no_trial_twice(tmp_path):
    arguments = ["num_trials=3", f"root={tmp_path}", *TINY]
    assert run(*arguments).returncode == 0
    paths = sorted(tmp_path.glob("digits_cnn/adam/*/trials/*.json"))
    assert [path.name for path in paths] == ["000000.json", "000001.json", "000002.json"]
    times = [path.stat().st_mtime_ns for path in paths]
    assert run(*arguments).returncode == 0
    assert [path.stat().st_mtime_ns for path in paths] == times
    record = json.loads(paths[0].read_text())
    assert record["curve"]["step"] == [2, 4]
    assert record["run"]["device"] == "cpu"
    assert record["run"]["versions"]["torch"]
    assert record["data"]["sha256"]


def test_a_sweep_with_other_data_than_the_records_is_refused_by_its_worker(tmp_path):
    """digits_cnn tells its data's digest only once it is opened."""
    study = composed("optimizer=sgd", *TINY)
    folder = StudyFolder(tmp_path, study)
    folder.create()
    folder.write(new_record(study, 0) | {"status": "diverged", "data": {"sha256": "a" * 64}})
    ended = run("optimizer=sgd", "num_trials=2", f"root={tmp_path}", *TINY)
    assert ended.returncode == 2
    last = ended.stderr.splitlines()[-1]
    assert last.startswith(f"harness: {study.name} has records of data with sha256 aaaaaaaaaaaa…")
    assert list(folder.read_all()) == [0]


def test_multirun_takes_its_flag_anywhere_and_slices_by_index(tmp_path):
    words = ["optimizer=sgd,momentum", "first_trial=2", "num_trials=2", f"root={tmp_path}", *TINY]
    assert run(*words[:1], "-m", *words[1:]).returncode == 0
    table = tables.read(tmp_path).trials
    assert table.groupby("optimizer")["trial"].apply(list).to_dict() == {
        "sgd": [2, 3],
        "momentum": [2, 3],
    }


def test_multirun_overrides_what_its_optimizers_have_and_the_default_one_lacks(tmp_path):
    words = ["-m", "optimizer=sgd,momentum", "search_space.lr.high=1", "num_trials=1"]
    assert run(*words, f"root={tmp_path}", *TINY).returncode == 0
    studies = read_studies(tmp_path).values()
    assert {study["optimizer"]["name"] for study in studies} == {"sgd", "momentum"}
    assert [study["search_space"]["lr"]["high"] for study in studies] == [1.0, 1.0]
    assert all("search_space.lr.high=1" in study["overrides"] for study in studies)


def test_a_users_own_workload_needs_no_space_for_optimizers_not_asked_for(tmp_path):
    (tmp_path / "workload").mkdir()
    (tmp_path / "search_space" / "mine").mkdir(parents=True)
    ours = CONF / "workload" / "digits_cnn.yaml"
    (tmp_path / "workload" / "mine.yaml").write_text(ours.read_text())
    for name, rest in (("sgd", ""), ("momentum", "one_minus_momentum: 0.1\n")):
        file = tmp_path / "search_space" / "mine" / f"{name}.yaml"
        file.write_text("lr: {low: 0.1, high: 1.0}\n" + rest)
    words = ["-m", "workload=mine", "optimizer=sgd,momentum", "num_trials=1", *TINY]
    ended = run("--config-dir", str(tmp_path), *words, f"root={tmp_path / 'results'}")
    assert ended.returncode == 0, ended.stderr
    assert len(tables.read(tmp_path / "results").trials) == 2


def test_trial_ranges_under_multirun(tmp_path):
    assert run("-m", "optimizer=sgd", "trial=range(1,4)", f"root={tmp_path}", *TINY).returncode == 0
    assert tables.read(tmp_path).trials["trial"].tolist() == [1, 2, 3]


def test_a_users_own_optimizer_takes_two_yaml_files(tmp_path):
    package = tmp_path / "my_optimizers"
    package.mkdir()
    (package / "__init__.py").write_text("from my_optimizers.half import HalfSGD\n")
    (package / "half.py").write_text(
        "import torch\n"
        "class HalfSGD(torch.optim.SGD):\n"
        "    def __init__(self, params, lr):\n"
        "        super().__init__(params, lr=lr / 2)\n"
    )
    (tmp_path / "conf" / "optimizer").mkdir(parents=True)
    (tmp_path / "conf" / "search_space" / "digits_cnn").mkdir(parents=True)
    (tmp_path / "conf" / "optimizer" / "half.yaml").write_text(
        "name: half\nrule: my_optimizers.HalfSGD\n"
    )
    (tmp_path / "conf" / "search_space" / "digits_cnn" / "half.yaml").write_text(
        "lr: {low: 0.01, high: 1.0}\n"
    )
    words = ["--config-dir", "conf", "optimizer=half", "num_trials=1", "root=results", *TINY]
    for edit in ("", "", "# a third of it, from now on\n"):
        with open(package / "half.py", "a") as code:
            code.write(edit)
        ended = subprocess.run(
            [sys.executable, "-m", "harness", *words], cwd=tmp_path, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
    rows = tables.read(tmp_path / "results").trials.to_dict("records")
    assert [(row["optimizer"], row["status"]) for row in rows] == [("half", "complete")] * 2
    codes = {study["optimizer"]["code"] for study in read_studies(tmp_path / "results").values()}
    assert len(codes) == 2  # edited code is another study; unedited, the same one


def test_cfg_prints_the_study_and_runs_nothing(tmp_path):
    ended = run("--cfg", "job", "--resolve", "workload.steps=7", f"root={tmp_path}")
    assert ended.returncode == 0
    assert "steps: 7" in ended.stdout
    assert not list(tmp_path.iterdir())


def test_help_and_completion_answer():
    assert "optimizer: adadelta, adagrad, adam" in run("--help").stdout
    script = run("-sc", "query=bash", COMP_LINE="harness optimizer=ada", COMP_POINT="21")
    assert "optimizer=adam" in script.stdout


def test_the_report_is_of_what_was_asked_for(tmp_path):
    """The root holds a study of the same pair, from before its search space was edited."""
    common = ["optimizer=sgd", f"root={tmp_path / 'results'}", "num_trials=3", *TINY]
    assert run(*common).returncode == 0
    ended = run(*common, "search_space.lr.high=1.5", f"report={tmp_path / 'report'}")
    assert ended.returncode == 0, ended.stderr
    assert "digits_cnn: validation error, lower is better" in ended.stdout
    assert str(tmp_path / "report" / "report.html") in ended.stdout
    table = (tmp_path / "report" / "trials.csv").read_text().splitlines()
    assert len(table) == 1 + 3


def test_a_broken_yaml_file_is_one_line(capsys, tmp_path):
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "broken.yaml").write_text("name: {broken\n")
    line = refusal(capsys, "--config-dir", str(tmp_path), "optimizer=broken", f"root={tmp_path}")
    assert "broken.yaml" in line
    assert "line 2" in line
