"""Whatever is typed: a composed configuration or one line that says what is wrong."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.commands import one_line
from harness.config import build, how
from harness.config.compose import compose
from harness.records.folder import StudyFolder
from tests import studies

KEYS = (
    "workload", "optimizer", "seed", "num_trials", "first_trial", "trial", "num_feasible",
    "max_trials", "root", "workers", "device", "retry_failed", "trial_timeout", "checkpoint_every",
    "damaged", "trials_per_task", "stack", "report", "precision", "sampler.name", "sampler.seed",
    "schedule", "schedule.name", "schedule.end_factor", "+schedule.nothing",
    "workload.name", "workload.module", "workload.steps", "workload.eval_every",
    "workload.test_every", "workload.batch_size", "workload.target_error", "model", "model.width",
    "data", "data.root", "optimizer.name", "optimizer.rule", "search_space", "search_space.lr",
    "search_space.eps.low", "search_space.eps", "+search_space.l2", "~search_space.eps", "+nothing",
)  # fmt: skip
VALUES = (
    "", "null", "true", "0", "-1", "1", "7", "1.5", "1e400", "nan", "inf", "-inf", "10**9", "9" * 30,
    "[]", "{}", "[1,2]", "{low: 1}", "{low: 2, high: 1}", "{low: a, high: b}", "{choices: []}",
    "{choices: [a]}", "{choices: [true]}", "{low: .nan, high: 1}", "${seed}", "${nothing}", "${", "'",
    "../../x", "/", "a/b", "adam", "adamm", "torch.optim.AdamW", "torch.optim", "os.path.join", ".",
    "..", "a..b", ".x", "math.sqrt", "digits_cnn", "0-3", "0-3,7", "3-0", "'0-3,7'", "[0-3,7]", "10m",
    "0s", "1d", "set_aside", "é", "\u0000", "%", "a=b", "a b", "\t", "[[1]]", "range(0,3)",
)  # fmt: skip
WORDS = st.one_of(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)).map("=".join),
    st.tuples(st.sampled_from(KEYS), st.text(max_size=8)).map("=".join),
    st.text(max_size=12).filter(lambda word: not word.startswith(("-", "hydra"))),
)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with a record in it, of a study that words may ask for."""
    root = tmp_path_factory.mktemp("fuzz") / "results"
    of = studies.study(
        "optimizer=sgd", "workload.steps=2", "workload.eval_every=2", "model.width=2"
    )
    folder = StudyFolder(root, of)
    folder.create()
    folder.write(studies.record(of))
    return root


def contents(root):
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def ends_well(capsys, words, root):
    """As `harness` does it, up to where trials would be run: requests, or one line and nothing touched."""
    capsys.readouterr()
    before = contents(root)
    try:
        jobs = compose(words)
        for request in build.requests(jobs):
            request.study.point(0)
        how.common_options([config for config, _ in jobs])
    except Exception as error:
        code = one_line.refuse("harness", error)  # which raises what is no mistake of the user's
        _, lines = capsys.readouterr()
        told = lines.splitlines()[-1]
        assert code == 2
        assert told.startswith("harness: ")
        assert len(told) > len("harness: x")
        assert lines.count("harness: ") == 1 or lines.count("\n") == 1
    assert contents(root) == before


@given(st.lists(WORDS, min_size=1, max_size=2), st.sampled_from([[], ["-m", "optimizer=sgd,adam"]]))
@settings(max_examples=70, deadline=None, suppress_health_check=list(HealthCheck))
def test_fuzz_overrides_end_in_requests_or_in_one_line(capsys, results, words, several):
    ends_well(capsys, [f"root={results}", *several, *words], results)


# --- files of one's own ---------------------------------------------------------------------------

FILES = {
    "optimizer/mine.yaml": ["name: mine", "rule: sgd"],
    "search_space/tiny/mine.yaml": ["lr: {low: 0.01, high: 1.0}"],
    "workload/tiny.yaml": [
        "# @package _global_", "workload:", "  name: tiny", "  module: tests.faults.workload",
        "  steps: 20", "  batch_size: 16", "  eval_every: 10", "  test_every: 0", "model:",
        "  step_seconds: 0.0", "data:", "  file: null", "  opening_seconds: 0.0",
    ],
}  # fmt: skip
LINES = st.one_of(
    st.sampled_from(
        ["", "lr: 0.1", "lr: -1", "lr: .nan", "lr: 1e-3", "lr: {low: 1, high: 0}", "lr: {choices: []}",
         "lr: {low: 1,5, high: 3,0}", "lr: [0.1, 0.2]", "l2: {low: 1e-6, high: 1}", "hgih: 1", "rule: adam",
         "rule: torch.optim.AdamW", "rule: torch.optim", "rule: {a: 1}", "rule: [sgd]", "rule:", "name: a/b",
         "name: 1", "name: ${optimizer.rule}", "name: ${nothing}", "arguments: {lr: 0.1}", "arguments: 3",
         "closure: 1", "groups: {a: {rule: sgd}}", "defaults: [nothing]", "  steps: -1", "  steps: 1e3",
         "  steps: many", "  module: no.such", "  name:", "workload: 3", "&a [*a]", "- 1", "a: b: c", "\tx: 1",
         "? [a]", "!!python/object:os.system x", "<<: {a: 1}", "1: 2", "null: 1", "true: 1", "{", "---", "%"]
    ),
    st.text(max_size=10),
)  # fmt: skip


@given(
    st.sampled_from(sorted(FILES)),
    st.integers(0, 9),
    LINES,
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8", "utf-8", "latin-1", "utf-16"]),
)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_fuzz_files_end_in_requests_or_in_one_line(
    capsys, results, tmp_path, file, place, line, instead, encoding
):
    for name, lines in FILES.items():
        changed = list(lines)
        if name == file:
            place = place % (len(lines) + 1)
            changed[place : place + instead] = [line]
        path = tmp_path / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            "\n".join(changed).encode(encoding if name == file else "utf-8", "replace")
        )
    words = ["--config-dir", str(tmp_path / "conf"), "workload=tiny", "optimizer=mine"]
    ends_well(capsys, [*words, f"root={results}"], results)
