"""From configurations to studies, requests and options, checked across a command's jobs."""

import pytest

from harness.config import build, how
from harness.errors import ConfigError
from harness.records.checkpoint import Every
from harness.running.options import Options
from tests.faults.sweeps import CONF
from tests.studies import jobs

TINY = ("--config-dir", str(CONF), "workload=tiny")


def study(*words):
    """Composed anew: files may have changed."""
    ((config, overrides),) = jobs(*words)
    return build.study(config, overrides)


# --- the study's data ------------------------------------------------------------------------------


@pytest.fixture
def text(tmp_path):
    """text(name, content): the override that names a file of data."""

    def write(name, content):
        (tmp_path / name).write_text(content)
        return f"data.file={tmp_path / name}"

    return write


def test_other_data_make_another_study(text):
    one, other = (study(*TINY, text(name, name)) for name in ("one", "other"))
    assert one.config["data_sha256"] != other.config["data_sha256"]
    assert one.fingerprint != other.fingerprint


def test_equal_data_that_lie_elsewhere_are_the_same_study(text):
    one, copy = (study(*TINY, text(name, "as it was")) for name in ("one", "copy"))
    assert one.fingerprint == copy.fingerprint


def test_data_that_were_edited_are_others(text):
    before = study(*TINY, text("one", "as it was")).fingerprint
    assert study(*TINY, text("one", "edited")).fingerprint != before


def test_a_workload_that_tells_no_digest_has_none():
    assert study(*TINY).config["data_sha256"] is None


def test_a_shipped_workload_tells_its_data():
    assert len(study("optimizer=sgd").config["data_sha256"]) == 64


def test_any_text_instead_of_the_novel(text):
    """Of a shipped workload whose data lie where one says."""
    words = ("workload=war_and_peace_lstm", "optimizer=sgd", "data.any_edition=true")
    texts = [text(name, f"This is the {name} text. " * 500) for name in ("one", "other")]
    same = text("copy", "This is the one text. " * 500)
    one, other, copy = (study(*words, file).fingerprint for file in (*texts, same))
    assert one == copy != other


# --- a user's own code -----------------------------------------------------------------------------


def test_edited_code_of_an_optimizer_is_another_study_whoever_exports_it(tmp_path, monkeypatch):
    package = tmp_path / "my_optimizers"
    package.mkdir()
    (package / "__init__.py").write_text("from my_optimizers.half import HalfSGD\n")
    code = package / "half.py"
    code.write_text(
        "import torch\nclass HalfSGD(torch.optim.SGD):\n"
        "    def __init__(self, params, lr):\n        super().__init__(params, lr=lr / 2)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    words = ("optimizer=sgd", "optimizer.rule=my_optimizers.HalfSGD")
    first, again = study(*words), study(*words)
    assert first.fingerprint == again.fingerprint
    code.write_text(code.read_text() + "# a third of it, from now on\n")
    edited = study(*words)
    assert edited.config["optimizer"]["code"] != first.config["optimizer"]["code"]
    assert edited.fingerprint != first.fingerprint


def test_the_code_of_ours_and_of_torch_is_named_by_the_records_versions():
    made = study("optimizer=adamw").config
    assert "code" not in made["optimizer"]
    assert "code" not in made["workload"]
    assert "code" in study(*TINY).config["workload"]


# --- which trials ----------------------------------------------------------------------------------


def requests(*words):
    return build.requests(jobs(*TINY, *words))


@pytest.mark.parametrize(
    ("words", "trials"),
    [
        (["first_trial=2", "num_trials=3"], [2, 3, 4]),
        (["trial=7"], [7]),
        (["trial=0-3,7"], [0, 1, 2, 3, 7]),
        (["num_feasible=2", "max_trials=5"], [0, 1, 2, 3, 4]),
        (["-m", "trial=range(1,4)"], [1, 2, 3]),
        (["-m", "trial=range(1,8,step=3)"], [1, 4, 7]),
        (["-m", "trial=0-3,7"], [0, 1, 2, 3, 7]),
        (["-m", "num_trials=4,8"], list(range(8))),
        (["-m", "num_trials=2", "first_trial=0,1"], [0, 1, 2]),
    ],
)
def test_the_trials_of_a_study_are_one_request(words, trials):
    (request,) = requests("optimizer=sgd", *words)
    assert list(request.indices) == trials


def test_a_request_a_study_and_folder(tmp_path):
    made = requests("-m", "optimizer=sgd,momentum", "seed=0,1", "num_trials=2")
    assert len({request.study.fingerprint for request in made}) == 4
    assert [request.study.optimizer for request in made] == ["sgd", "sgd", "momentum", "momentum"]


def test_a_root_may_start_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert requests("root=~/results")[0].root == str(tmp_path / "results")


def test_two_numbers_of_feasible_trials_of_one_study_are_refused():
    with pytest.raises(
        ConfigError, match=r"two jobs ask for different numbers of feasible trials of tiny"
    ):
        requests("-m", "optimizer=sgd", "num_feasible=2,3")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-m", "optimizer=sgd,momentum", "optimizer.name=same"],
         "optimizer.name 'same' stands for sgd in one job and for momentum in another; give the second"),
        (["-m", "optimizer=sgd", "workload=tiny,digits_cnn", "workload.name=same"],
         "workload.name 'same' stands for tests.faults.workload in one job and for workloads.digits"),
    ],
)  # fmt: skip
def test_one_name_means_one_optimizer_and_one_workload(words, says):
    with pytest.raises(ConfigError, match=says):
        requests(*words)


# --- how to run ------------------------------------------------------------------------------------


def options(*words):
    return how.common_options([config for config, _ in jobs(*TINY, "optimizer=sgd", *words)])


def test_the_options_of_a_command():
    assert options() == Options(checkpoint_every=Every(seconds=600))
    words = ("workers=3", "device=cpu", "retry_failed=true", "trial_timeout=9", "checkpoint_every=7",
             "damaged=set_aside")  # fmt: skip
    assert options("stack=auto").stack == "auto"
    assert options("stack=8").stack == 8
    assert options("stack=none").stack == 1
    assert options(*words) == Options(3, "cpu", True, 9.0, Every(steps=7), True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["-m", "workers=1,2"],
            "workers is 1 for one job and 2 for another, and one pool runs them all",
        ),
        (["trial_timeout=0"], r"trial_timeout must be more than 0 seconds \(or null\), got 0"),
        (["trial_timeout=nan"], "trial_timeout must be more than 0 seconds"),
        (["trials_per_task=0"], "trials_per_task must be 1 or more, got 0"),
        (["stack=0"], "stack must be a number of trials, auto or null, got 0"),
        (["stack=many"], "stack must be a number of trials, auto or null, got 'many'"),
        (["stack=8", "pruning=halving"], "stack=8 and pruning= exclude each other"),
        (["stack=8", "keep=weights"], "stack=8 and keep= exclude each other"),
        (["checkpoint_every=soon"], "checkpoint_every must be steps such as 500 or a time"),
    ],
)
def test_options_that_mean_nothing_are_refused(words, says):
    with pytest.raises(ConfigError, match=says):
        options(*words)
