"""The optional launchers of Hydra start the jobs of a sweep; the exit status is still the truth."""

import importlib.util

import pytest

from harness.records import reading
from tests.faults import sweeps

pytestmark = pytest.mark.slow  # processes that start processes

LAUNCHERS = {
    "joblib": ("hydra_plugins.hydra_joblib_launcher", "hydra.launcher.n_jobs=2"),
    "submitit_local": ("hydra_plugins.hydra_submitit_launcher", "hydra.launcher.timeout_min=5"),
}


@pytest.fixture(params=LAUNCHERS)
def launcher(request):
    package, option = LAUNCHERS[request.param]
    try:
        found = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip(f"{package.partition('.')[2]} is not installed: pip install '.[launchers]'")
    return f"hydra/launcher={request.param}", option


def test_a_launcher_runs_every_job_and_a_failure_is_not_hidden(launcher, tmp_path):
    words = ("-m", *launcher, "optimizer=sgd,faulty", "trial=1", "workers=1")
    status, errors = sweeps.run(tmp_path, *words)
    found = {(r["optimizer"], r["trial"]): r["status"] for r in reading.read_records(tmp_path)}
    assert found == {("sgd", 1): "complete", ("faulty", 1): "failed"}
    assert status == 1, errors
    assert "harness: tiny/faulty: status 1" in errors
    assert "Traceback" not in errors
