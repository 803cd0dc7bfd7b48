"""Several commands on one study and folder: they share its trials, and none is lost or torn."""

from harness.records import reading, tables
from tests.faults import sweeps

TRIALS = 30
WORDS = ("optimizer=sgd", "workers=1", "model.step_seconds=0.01", f"num_trials={TRIALS}")


def test_each_trial_is_run_once(tmp_path):
    log = tmp_path / "log"
    started = [
        sweeps.start(tmp_path / "results", *WORDS, env={"TINY_LOG": str(log)}) for _ in range(4)
    ]
    for process in started:
        errors = process.communicate(timeout=sweeps.PATIENCE)[1]
        assert process.returncode == 0, errors
    assert tables.read(tmp_path / "results").trials["trial"].tolist() == list(range(TRIALS))
    assert log.read_text().count("begun") == TRIALS
    assert {r["status"] for r in reading.read_records(tmp_path / "results")} == {"complete"}


def test_the_trials_of_one_that_dies_are_taken_over(tmp_path):
    started = [sweeps.start(tmp_path, *WORDS) for _ in range(2)]
    sweeps.until(lambda: len(list(tmp_path.glob("*/*/*/trials/*.json"))) >= 5)
    started[0].kill()
    started[0].communicate(timeout=sweeps.PATIENCE)
    errors = started[1].communicate(timeout=sweeps.PATIENCE)[1]
    assert started[1].returncode == 0, errors
    assert tables.read(tmp_path).trials["trial"].tolist() == list(range(TRIALS))


def test_the_same_study_twice_in_one_command(tmp_path):
    log = tmp_path / "log"
    words = ("-m", "optimizer=sgd", "workers=2", "num_trials=4,8")
    status, errors = sweeps.run(tmp_path / "results", *words, env={"TINY_LOG": str(log)})
    assert status == 0, errors
    assert tables.read(tmp_path / "results").trials["trial"].tolist() == list(range(8))
    assert log.read_text().count("begun") == 8
