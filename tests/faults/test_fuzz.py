"""Whatever is typed: a composed configuration or one line that says what is wrong."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.commands import one_line
from harness.config import build
from harness.config.compose import compose

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


@given(st.lists(WORDS, min_size=1, max_size=2), st.sampled_from([[], ["-m", "optimizer=sgd,adam"]]))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_fuzz_overrides_end_in_requests_or_in_one_line(capsys, words, several):
    """As `harness` does it, up to where trials would be run."""
    capsys.readouterr()
    try:
        jobs = compose([*several, *words])
        for request in build.requests(jobs):
            request.study.point(0)
        build.common_options([config for config, _ in jobs])
    except Exception as error:
        code = one_line.refuse("harness", error)  # which raises what is no mistake of the user's
        _, lines = capsys.readouterr()
        assert code == 2
        assert lines.startswith("harness: ")
        assert lines.count("\n") == 1
        assert len(lines) > len("harness: x\n")
