"""``harness submit``: what Slurm's commands are told, theirs being scripts here; a real Slurm is in tests/slurm."""

import os
import shlex
import subprocess

import pytest

from harness.__main__ import command
from harness.records.folder import StudyFolder
from tests.faults import sweeps

SBATCH = """#!/bin/sh
printf '%s\\n' "$@" --end-- >> {log}
grep -c -e --end-- {log}
"""
SCONTROL = "#!/bin/sh\necho 'MaxArraySize            = 100'\n"
SQUEUE = "#!/bin/sh\ncat {queue}\n"


class Slurm:
    def __init__(self, folder):
        self.log, self.queue = folder / "sbatch.log", folder / "queue"
        self.queue.write_text("")
        for name, script in (("sbatch", SBATCH), ("scontrol", SCONTROL), ("squeue", SQUEUE)):
            path = folder / name
            path.write_text(script.format(log=self.log, queue=self.queue))
            path.chmod(0o755)

    @property
    def submitted(self):
        """The words of every sbatch, whose job numbers count from 1 on."""
        text = self.log.read_text() if self.log.exists() else ""
        return [block.split("\n")[:-1] for block in text.split("--end--\n")[:-1]]


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return Slurm(tmp_path / "bin")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "results"


def submit(root, *words, options=()):
    return command(["submit", *options, "--", *sweeps.words(root, *words)])


def option(words, name):
    return "".join(word.partition("=")[2] for word in words if word.startswith(f"{name}="))


@pytest.mark.parametrize(
    ("parallel", "after", "limit"),
    [
        (1, ["", "1", "2"], (1, 1, 1)),
        (2, ["", "", "1"], (1, 1, 1)),
        (4, ["", "", ""], (2, 1, 1)),
        (7, ["", "", ""], (3, 2, 2)),
    ],
)
def test_no_more_tasks_at_once_than_asked_for(parallel, after, limit, slurm, root):
    words = ("-m", "optimizer=sgd,momentum,adam", "num_trials=9")
    assert submit(root, *words, options=[f"--parallel={parallel}"]) == 0
    dependencies = [option(words, "--dependency") for words in slurm.submitted]
    assert [each.removeprefix("afterany:") for each in dependencies] == after
    assert [option(words, "--array") for words in slurm.submitted] == [
        f"0-8%{each}" for each in limit
    ]


def test_a_task_runs_its_trials_of_the_study_as_it_was_composed(slurm, root, capsys):
    """By the door: scripts/slurm_array.sh is given what `harness` takes, and adds trial=."""
    words = (
        "-m",
        "optimizer=sgd,adam",
        "num_trials=5",
        "trials_per_task=2",
        "report=out",
        "seed=3",
    )
    assert submit(root, *words, options=["--time=5", "--gpus=1"]) == 0
    first, second = slurm.submitted
    assert {"--time=5", "--gpus=1", "--requeue"} <= set(first)
    assert option(first, "--array") == "0-2"
    script = next(place for place, word in enumerate(first) if word.endswith("slurm_array.sh"))
    _, python, offset, per_task, low, high, *passed = first[script:]
    assert (offset, per_task, low, high) == ("0", "2", "0", "4")
    assert {"optimizer=sgd", "seed=3", "report=null", f"root='{root}'", "--config-dir"} <= set(
        passed
    )
    assert not {"num_trials=5", "trials_per_task=2", "-m", "optimizer=sgd,adam"} & set(passed)
    assert "optimizer=adam" in second
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("job 1: tiny/sgd/")
    assert out[0].endswith(" trials 0-4")
    assert out[-1] == f"progress: {shlex.join([python, '-m', 'harness', 'status', str(root)])}"


def test_a_pruned_sweep_goes_on_in_arrays_that_wait_for_the_one_before(slurm, root, capsys):
    words = (
        "-m",
        "optimizer=sgd,momentum",
        "num_trials=16",
        "pruning=halving",
        "pruning.cohort=16",
    )
    small = ("workload.steps=50", "pruning.audit=0")
    assert submit(root, *words, *small) == 0
    dependencies = [option(words, "--dependency") for words in slurm.submitted]
    assert [each.removeprefix("afterany:") for each in dependencies] == ["", "", "1", "2", "3", "4"]
    arrays = [option(words, "--array") for words in slurm.submitted]
    assert arrays == ["0-15", "0-15", "0-7", "0-7", "0-3", "0-3"]
    assert all("pruning.leave_open=true" in told for told in slurm.submitted)
    assert "what goes on after rung 2" in capsys.readouterr().out
    slurm.queue.write_text(
        "\n".join(f"{i}|{option(w, '--comment')}" for i, w in enumerate(slurm.submitted[4:], 3))
    )
    assert submit(root, *words, *small) == 0  # what waits is of all its trials
    assert len(slurm.submitted) == 6


def test_with_a_limit_the_stretches_of_all_studies_wait_for_each_other(slurm, root):
    words = (
        "-m",
        "optimizer=sgd,momentum",
        "num_trials=16",
        "pruning=halving",
        "pruning.cohort=16",
    )
    assert submit(root, *words, "workload.steps=50", options=["--parallel=3"]) == 0
    dependencies = [option(words, "--dependency") for words in slurm.submitted]
    assert [each.removeprefix("afterany:") for each in dependencies] == [
        "", "", "1:2", "1:2", "3:4", "3:4",
    ]  # fmt: skip
    limits = [option(words, "--array").partition("%")[2] for words in slurm.submitted]
    assert limits == ["2", "1"] * 3


def test_a_pruned_sweep_is_of_whole_cohorts(slurm, root, capsys):
    words = ("optimizer=sgd", "num_trials=20", "pruning=halving", "pruning.cohort=16")
    assert submit(root, *words, "workload.steps=50") == 2
    assert "of 16-31 of tiny/sgd/" in capsys.readouterr().err
    assert not slurm.submitted


def test_the_script_of_a_task_runs_what_belongs_to_its_index(slurm, root, tmp_path):
    assert submit(root, "optimizer=sgd", "first_trial=1", "num_trials=4", "trials_per_task=2") == 0
    (words,) = slurm.submitted
    place = next(place for place, word in enumerate(words) if word.endswith("slurm_array.sh"))
    said = tmp_path / "python"
    said.write_text('#!/bin/sh\nprintf "%s " "$@"\n')
    said.chmod(0o755)
    script, _, *rest = words[place:]

    def task(index):
        environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(index)}
        ended = subprocess.run(
            [script, str(said), *rest], env=environment, capture_output=True, text=True, check=True
        )
        return ended.stdout.split()

    assert task(0)[:2] == ["-m", "harness"]
    assert [task(index)[-1] for index in (0, 1, 2)] == ["trial=1-1", "trial=2-3", "trial=4-4"]
    rest[1] = "0"  # behind a rung: whatever the overrides say
    assert task(2)[-1] == rest[-1]


def test_the_submission_script_is_the_door(slurm, root):
    words = sweeps.words(root, "optimizer=sgd", "num_trials=2")
    script = sweeps.REPOSITORY / "scripts" / "submit_slurm.sh"
    ended = subprocess.run([script, "--", *words], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert [option(words, "--array") for words in slurm.submitted] == ["0-1"]


def test_a_task_finds_its_configurations(slurm, root):
    searched = f"hydra.searchpath=[file://{sweeps.CONF}]"
    assert submit(root, "optimizer=sgd", "num_trials=1", searched) == 0
    (words,) = slurm.submitted
    assert searched in words


def test_what_waits_or_has_a_record_is_not_submitted_again(slurm, root, capsys):
    assert submit(root, "optimizer=sgd", "num_trials=5") == 0
    comment = option(slurm.submitted[0], "--comment")
    slurm.queue.write_text(f"0|{comment}\n3|{comment}\n1|somebody else's\nN/A|{comment}\n")
    assert submit(root, "optimizer=sgd", "num_trials=5") == 0
    assert option(slurm.submitted[1], "--array") == "1-2,4"
    slurm.queue.write_text("".join(f"{index}|{comment}\n" for index in range(5)))
    capsys.readouterr()
    assert submit(root, "optimizer=sgd", "num_trials=5") == 0
    assert len(slurm.submitted) == 2
    assert "nothing to submit: every trial asked for has a record" in capsys.readouterr().out


def test_damage_is_set_aside_where_asked(slurm, root, capsys):
    words = ("optimizer=sgd", "num_trials=2")
    folder = StudyFolder(root, sweeps.study(*words))
    folder.create()
    folder.record_path(1).write_text("torn")
    assert submit(root, *words) == 2
    assert "damaged=set_aside" in capsys.readouterr().err
    assert submit(root, *words, "damaged=set_aside") == 0
    assert "set aside as 000001.json.damaged-" in capsys.readouterr().err
    assert option(slurm.submitted[-1], "--array") == "0-1"


@pytest.mark.parametrize(
    ("options", "words", "says"),
    [
        (["--chdir=/elsewhere"], (), "--chdir is set here"),
        (["-D", "/elsewhere"], (), "-D is set here"),
        (["--array=0-3"], (), "--array is set here, one array a study"),
        (["--parallel=0"], (), "--parallel=N must be 1 or more tasks at once, got '--parallel=0'"),
        (["--parallel=x"], (), "--parallel=N must be 1 or more tasks at once"),
        ([], ("checkpoint_every=null",), "would start a trial over at every time limit"),
        ([], ("sampler=tpe",), "sampler=tpe "),  # chooses in order; or Optuna is not there
        ([], ("num_feasible=3",), "num_feasible=null max_trials=null num_trials="),
        ([], ("trials_per_task=0",), "trials_per_task must be 1 or more"),
        ([], ("trial=0-3", "trials_per_task=2"), "trial= names trials one by one; leave out"),
        ([], ("seeed=1",), "'seeed' is no key"),
        ([], ("search_space.lr.low=9",), "low < high"),
    ],
)
def test_what_would_go_wrong_there_is_refused_here(options, words, says, slurm, root, capsys):
    assert submit(root, "optimizer=sgd", *words, options=options) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.startswith("harness submit: ")
    assert err.count("\n") == 1
    assert not slurm.submitted


def test_where_the_overrides_begin_must_be_said(slurm, capsys):
    assert command(["submit", "optimizer=sgd"]) == 2
    assert "no '--' between sbatch's options and the overrides" in capsys.readouterr().err


def test_a_slurm_that_refuses_is_one_line(slurm, root, capsys, tmp_path):
    (tmp_path / "bin" / "sbatch").write_text("#!/bin/sh\necho 'invalid partition' >&2\nexit 1\n")
    assert submit(root, "optimizer=sgd", "num_trials=1") == 1
    assert capsys.readouterr().err == "harness submit: sbatch refused: invalid partition\n"


def test_a_machine_without_slurm_is_told_so(root, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert submit(root, "optimizer=sgd", "num_trials=1") == 1
    assert "squeue is not on this machine; submit from a login node" in capsys.readouterr().err
