"""Commands of the pages in this process, on a small results root made once."""

import shutil
import sys
from pathlib import Path

import pytest

from harness.__main__ import command
from harness.figures import style
from tests.workloads.conftest import made_shards

# What every training of a page is shortened to: a minute instead of hours.
SMALL = ("workload.steps=4", "workload.eval_every=2", "device=cpu", "workers=1")
EVALUATED = ("workload.steps=10", "workload.eval_every=2", *SMALL[2:])  # at the rungs too
PRUNED = {
    "halving": ("pruning.cohort=4",),
    "auto": ("pruning.cohort=2", "pruning.probe=2", "pruning.budget=1"),
}
NO_REPORT = "report=null"  # of an experiment's own: that of `small_results` is written
SMALL_MODELS = {"breast_cancer_mlp": "model.width=2", "digits_cnn": "model.width=2"}
NUM_TRIALS = 4
MORE_TRIALS = {"quickstart": 8, "digits_broad": 24}  # by experiment; refine needs 20 feasible ones
FEWER_OPTIMIZERS = "hydra.sweeper.params.optimizer='sgd,momentum,adam'"  # of an experiment's six
FEWER = {"delays_digits": "hydra.sweeper.params.optimizer='downpour,easgd'"}  # of another's five
NO_DOWNLOADS = {
    "workload=cifar10_resnet32": "workload=digits_cnn",
    "experiment=inclusion_war_and_peace_full": "experiment=quickstart",
}
STAND_INS = {  # for experiments on data that not every machine has; they are run in tests/workloads
    f"experiment={name}_{column}_small": (
        "-m",
        "optimizer=sgd,adam",
        f"root=results/{root}/{column}",
    )
    for name, root in (
        ("wilson_cifar10_vgg16", "wilson_small"),
        ("schneider_fashion_mnist_cnn", "schneider_small"),
    )
    for column in ("lr_only", "lr_and_others", "schedule")
}


@pytest.fixture(scope="session")
def small_results(tmp_path_factory):
    """A results folder with a small quickstart and its report under it, and copies of it for what is committed."""
    from harness.analysis.reading import read_results, save_results

    folder = tmp_path_factory.mktemp("docs") / "results"
    words = shortened(["experiment=quickstart", f"root={folder}/quickstart"])
    assert command([word for word in words if word != NO_REPORT]) == 0
    (folder / "digits").mkdir()
    save_results(read_results(folder / "quickstart"), folder / "digits")
    shutil.copytree(folder / "quickstart", folder / "inclusion_war_and_peace")
    return folder


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """An empty current folder; modules imported from it are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(style.SETTINGS, "savefig.dpi", 40)  # no test here looks at a picture
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def of_made_sentences(words):
    """The words, their benchmark of sentences a made one."""
    if "workload=lm1b_transformer" not in words:
        return words
    folder = Path.cwd() / "sentences"
    shutil.rmtree(folder, ignore_errors=True)
    return [*words, *(f"data.{name}={value}" for name, value in made_shards(folder).items())]


def shortened(words):
    """The words of a run with few trials of `SMALL` budgets."""
    words = [other for word in words for other in STAND_INS.get(word, (word,))]
    given = dict(word.partition("=")[::2] for word in words)
    if "trial" in given:
        trials = []
    elif "num_feasible" in given:
        trials = ["num_feasible=2", "max_trials=4"]
    else:
        trials = [f"num_trials={MORE_TRIALS.get(given.get('experiment', ''), NUM_TRIALS)}"]
    counts = ("num_trials", "num_feasible", "max_trials")
    kept = [word for word in words if word.partition("=")[0] not in counts]
    model = SMALL_MODELS.get(given.get("workload", "digits_cnn"))
    experiment = given.get("experiment")
    fewer = [FEWER.get(experiment, FEWER_OPTIMIZERS)] if experiment else []
    smaller = [model] if model else []
    pruning = PRUNED.get(given.get("pruning", ""), ())
    steps = EVALUATED if "pruning" in given else SMALL
    return [*kept, *steps, *smaller, *trials, *fewer, *pruning, NO_REPORT]
