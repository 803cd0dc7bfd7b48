"""One private cluster for all tests of this folder; skipped, with the reason, where it can't be."""

import os
import subprocess

import pytest

from tests.faults import sweeps
from tests.slurm.cluster import Cluster, install

SUBMIT = sweeps.REPOSITORY / "scripts" / "submit_slurm.sh"


@pytest.fixture(scope="session")
def cluster():
    if reason := install():
        pytest.skip(reason)
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def submit(cluster, tmp_path):
    """submit(*overrides, options=(...)): the submission script, ended: (status, out, err)."""

    def run(*overrides, options=(), environment=None):
        words = [*options, "--", *sweeps.words(tmp_path / "results", *overrides)]
        environment = {**cluster.environment, **(environment or {})}
        ended = subprocess.run(
            [str(SUBMIT), *words],
            cwd=sweeps.REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=sweeps.PATIENCE,
        )
        return ended.returncode, ended.stdout, ended.stderr

    yield run
    cluster.client("scancel", "--me", check=False)
    cluster.wait_until_empty()


@pytest.fixture
def root(tmp_path):
    return tmp_path / "results"


def read_logs(root):
    return {path.name: path.read_text() for path in root.glob("*/*/*/logs/*.log")}


os.environ.pop("SLURM_CONF", None)  # never the machine's own
