"""A resumed trial has the same bits on real data too."""

import os
from pathlib import Path

import pytest

from harness.records.record import deterministic
from tests.running.test_trial import OPTIMIZERS, STEPS, Interrupted
from tests.studies import result, study

pytestmark = pytest.mark.slow  # 10 s to decode CIFAR-10

SHARED = Path(__file__).parents[3] / "shared" / "data"
DATA = Path(os.environ.get("HARNESS_DATA_ROOT") or SHARED)
BUDGET = (f"workload.steps={STEPS}", f"workload.eval_every={STEPS}", "workload.test_every=0")
WORKLOADS = {
    "war_and_peace_lstm": ("war_and_peace.txt", ("model.hidden_size=16",)),
    "cifar10_resnet32": (
        "cifar10-images.tar.xz",
        ("model.depth=8", "model.width=4", "data.format=image_folder", "++search_space.l2=1e-4"),
    ),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("decoded")


@pytest.mark.parametrize("optimizer", ["adam", "torch.optim.AdamW"])
@pytest.mark.parametrize("workload", WORKLOADS)
def test_on_real_data(workload, optimizer, cache, tmp_path):
    data, overrides = WORKLOADS[workload]
    if not (DATA / data).exists():
        pytest.skip(f"no {data} in {DATA}; set HARNESS_DATA_ROOT to the folder that holds it")
    words = OPTIMIZERS.get(optimizer, ("optimizer=adam",))
    places = (f"data.root={DATA}", f"data.cache={cache}")
    of = study(f"workload={workload}", *words, *places, *overrides, *BUDGET)
    trial = Interrupted(of, tmp_path)
    assert trial.run(stop_at=7) is None
    assert deterministic(trial.run()) == result(of, 1)
