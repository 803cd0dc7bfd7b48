"""Every remedy that a message names works: what it says is done, and the command is accepted."""

import re
import shlex

import pytest

from harness.__main__ import command
from harness.commands import one_line, run
from harness.config import build, compose, how
from harness.errors import EXIT_COMPLETE, EXIT_FAILED, EXIT_USAGE, ConfigError
from tests.analysis.conftest import made_up_study, write_study
from tests.faults import sweeps, twins

TWIN = "tests.faults.twins"
RULE = "optimizer.name=mine schedule=constant optimizer.rule="
SOME = r"search_space\.\S+=\{[^}]*\}"

CASES = [  # what is typed, what is said, what is typed then (r"…": what the message itself gives)
    ("optimizer=adamm", r"such as (torch\.optim\.AdamW) as optimizer\.rule",
     f"optimizer=sgd search_space.lr=0.1 {RULE}{{}}"),
    ("optimizer=sgd search_space.l2=0.1", r"(\+search_space\.l2=)0?\.?1? adds one", "optimizer=sgd {}0.1"),
    ("optimizer=sgd search_space.l2.low=0.1", r"such as (search_space\.l2='.*')", "optimizer=sgd {}"),
    ("optimizer=sgd search_space.lr=[0.1,0.2]", r"give a list of values as (\{.*\})",
     "optimizer=sgd search_space.lr='{}'"),
    ("optimizer=sgd 'search_space.lr={low: 1,5, high: 3,0}'", r"such as (search_space\.lr='.*'), decimals",
     "optimizer=sgd {}"),
    ("optimizer=sgd 'optimizer.name=a(b'", r"put such a value into quotes: (\".*\")", None),
    ("seeed=1", r"did you mean '(seed)'\?", "{}=1"),
    ("workload.stesp=7 workload.eval_every=7 workload.test_every=0", r"did you mean '(workload\.steps)'\?",
     "{}=7 workload.eval_every=7 workload.test_every=0"),
    ("worklaod.steps=400", r"did you mean '(workload\.steps)'\?", "{}=400"),
    ("optimizer=adma", r"did you mean '(adam)'\?", "optimizer={}"),
    ("optimizer=adam search_space.lr=0.1", r"effective_lr sets lr, so give (search_space\.effective_lr), or",
     "optimizer=adam {}=0.1"),
    ("optimizer=adam search_space.lr.high=1", r"the axes are effective_lr, .*, or in its place (~.*)",
     "optimizer=adam {}"),
    ("optimizer=sgd num_feasible=4 num_trials=3", r"add (num_feasible=null max_trials=null)",
     "optimizer=sgd num_trials=3 {}"),
    ("optimizer=sgd max_trials=3", r"use (num_trials=) and (max_trials=null)",
     "optimizer=sgd {}3 {}"),
    ("optimizer=sgd root=", r"such as (root=results)", "optimizer=sgd {}"),
    ("optimizer=sgd report=", r"such as (report=results)", "optimizer=sgd {}"),
    ("optimizer=sgd checkpoint_every=soon", r"a time such as 90s, (10m) or 2h", "checkpoint_every={}"),
    ("optimizer=sgd workload.test_every=7", r"multiple of eval_every=(\d+)", "workload.test_every={}"),
    ("optimizer=sgd trial=3-1", r"indices such as 7 or (0-3,7)", "optimizer=sgd trial={}"),
    ("workload=tiny optimizer=nesterov", r"name another, such as (search_space=\S+)", "workload=tiny optimizer=nesterov {}"),
    ("workload=tiny optimizer=sgd ~search_space.lr +search_space.effective_lr=0.1",
     r"needs (workload\.gradient_scale), the size", "workload=tiny optimizer=sgd ~search_space.lr"
     " +search_space.effective_lr=0.1 {}=0.01"),
    (f"workload=tiny optimizer=sgd ~search_space.lr optimizer.rule={TWIN}.WithoutRate +search_space.l2=0"
     " schedule=linear", r"use (schedule=constant)",
     f"workload=tiny optimizer=sgd ~search_space.lr optimizer.rule={TWIN}.WithoutRate +search_space.l2=0 {{}}"),
    (f"workload=tiny optimizer=sgd ~search_space.lr {RULE}torch.optim.AdamW +search_space.eps=1e-8",
     r"add (search_space\.lr)$", f"workload=tiny optimizer=sgd ~search_space.lr {RULE}torch.optim.AdamW +{{}}=0.1"),
    (f"workload=tiny optimizer=sgd {RULE}tests.faults.test_remedies.Whole +search_space.times=3.5",
     rf"give choices, such as ({SOME})", f"workload=tiny optimizer=sgd {RULE}tests.faults.test_remedies.Whole {{}}"),
    ("-m optimizer=sgd,adam optimizer.name=x", r"give the second a name of its own", "-m optimizer=sgd,adam"),
    ("-m optimizer=sgd 'workers=1,2'", r"sweep what is studied, not how it is run", "-m optimizer=sgd workers=1"),
    ("-m 'optimizer=glob(zzz*)'", r"mend the pattern", "-m 'optimizer=glob(sgd*)'"),
    ("optimizer=sgd pruning.keep=0.5", r"without (pruning=halving)", "optimizer=sgd {} pruning.keep=0.5"),
    ("optimizer=sgd trial_timeout=0", r"more than 0 seconds \(or (null)\)", "optimizer=sgd trial_timeout={}"),
]  # fmt: skip


class Whole(twins.Plain):
    """A whole number."""

    def __init__(self, params, lr, times: int):
        super().__init__(params, lr)


def composed(text):
    """Requests from words as a shell splits them, with what a run checks before it trains."""
    words = ["--config-dir", str(sweeps.CONF), *shlex.split(text)]
    jobs = compose.compose(words)
    requests = build.requests(jobs)
    how.common_options([config for config, _ in jobs])
    run._check_report(jobs[0][0], requests)
    return requests


@pytest.mark.parametrize(("typed", "says", "then"), CASES, ids=[case[0][:60] for case in CASES])
def test_the_remedy_of_a_refused_run_is_accepted(typed, says, then, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match=r"\S") as refused:
        composed(typed)
    assert one_line.refuse("harness", refused.value) == EXIT_USAGE
    told = capsys.readouterr().err.strip()
    assert told.count("\n") == 0
    found = re.search(says, told)
    assert found, told
    if then is None:  # the word as a whole, quoted for a shell
        (word,) = shlex.split(found[1])
        ((config, _),) = compose.compose(["optimizer=sgd", word])
        assert config.optimizer.name == "a(b"
        return
    assert composed(then.format(*found.groups()))


def test_the_flags_that_a_message_names_are_listed(capsys):
    assert command(["--no-such-flag"]) == EXIT_USAGE
    (named,) = re.findall(r"harness (--\S+) lists the flags", capsys.readouterr().err)
    assert command([named]) == EXIT_COMPLETE
    assert command(["seeed=1"]) == EXIT_USAGE
    (named,) = re.findall(r"(--cfg job) lists them", capsys.readouterr().err)
    assert command(named.split()) == EXIT_COMPLETE
    assert "seed:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["a b", "it's", "-x", "ü", "a=b", "study=x", "$x", "[a]", "2024_11_05"]
)
def test_the_command_that_a_sweep_ends_with_can_be_pasted(name, tmp_path, monkeypatch, capsys):
    """Whatever its folder is called; nothing is left to train in it."""
    monkeypatch.chdir(tmp_path)
    words = ["optimizer=sgd", f"root={name}", "report=null"]
    jobs = compose.compose(words)
    requests = build.requests(jobs)
    assert requests[0].root == name
    write_study(tmp_path / name, made_up_study("sgd"), [0.1, 0.2, 0.3])
    assert run._report(jobs, requests) == EXIT_COMPLETE
    (told,) = re.findall(r"; harness (.*) compares them", capsys.readouterr().err)
    assert command(shlex.split(told.replace("--out DIR", ""))) == EXIT_COMPLETE
    assert "SGD" in (shown := capsys.readouterr().out) or "sgd" in shown


def test_what_refine_will_not_write_over_it_is_forced_to(tmp_path, capsys):
    write_study(tmp_path / "r", made_up_study("sgd"), [0.1 + place / 100 for place in range(60)])
    words = [
        "refine",
        str(tmp_path / "r"),
        "workload=made_up",
        "optimizer=sgd",
        "--out",
        str(tmp_path / "x.yaml"),
    ]
    assert command(words) == EXIT_COMPLETE
    assert command(words) == EXIT_USAGE
    (flag,) = re.findall(r"or (--\S+) to write over it", capsys.readouterr().err)
    assert command([*words, flag]) == EXIT_COMPLETE


def test_a_folder_without_results_gets_them_by_the_command_named(tmp_path, capsys):
    (tmp_path / "a b").mkdir()
    assert command(["report", str(tmp_path / "a b")]) == EXIT_USAGE
    assert "run harness with root=" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_names_what_gave_its_place(tmp_path, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    place = tmp_path / "file" / "r"
    assert command(["optimizer=sgd", f"report={place}", f"root={tmp_path / 'r'}"]) == EXIT_USAGE
    assert capsys.readouterr().err.endswith("; give another report=\n")
    for words in (["landscape"], ["spaces", "anything"], ["check", "workload=digits_logistic"]):
        assert command([*words, "--out", str(place)]) == EXIT_USAGE
        assert capsys.readouterr().err.endswith("; give another --out\n")


def test_a_folder_without_records_names_what_can_be_read_in_it(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path / "all" / "a", made_up_study("sgd"), [0.1, 0.2, 0.3])
    (tmp_path / "all" / "b").mkdir()
    assert command(["report", "all/a", "--out", "all/b"]) == EXIT_COMPLETE
    one = ["optimizer=sgd", "trial=1"]
    cases = {
        "all": ["all/a", "all/b/trials.csv"],
        "all/b": ["all/b/trials.csv"],
        "all/a/made_up": ["all/a"],
        "all/a/made_up/sgd": ["all/a"],
    }
    for folder, expected in cases.items():
        for words in (["report", folder], ["trial", folder, *one]):
            capsys.readouterr()
            assert command(words) == EXIT_USAGE
            (named,) = re.findall(
                r"holds no trials itself; name one of: (.*)", capsys.readouterr().err
            )
            assert named.split(", ") == expected
            assert [command([words[0], each, *words[2:]]) for each in expected] == [0] * len(
                expected
            )
    for folder, says in {
        "all": "name one of: all/a",
        "all/b": "harness report reads all/b/trials.csv",
    }.items():
        capsys.readouterr()
        assert command(["status", folder]) == EXIT_FAILED
        assert capsys.readouterr().err.strip().endswith(says)


def test_a_file_of_ones_own_is_found_and_gets_the_space_it_lacks(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = ["new", "optimizer", "mine", "--class", f"{TWIN}.Plain"]
    assert command([*here, "--workload", "digits_mlp", "--config-dir", "my_conf"]) == EXIT_COMPLETE
    for words in (["-m", "optimizer=adam,mine"], ["check", "optimizer=mine"]):
        assert command(words) == EXIT_USAGE
        told = capsys.readouterr().err
        (flag,) = re.findall(r"my_conf/optimizer/mine\.yaml is used with (--config-dir \S+)", told)
    with pytest.raises(ConfigError) as refused:
        compose.compose([*shlex.split(flag), "optimizer=mine"])
    named = re.search(
        r"harness (new .*) writes my_conf/search_space/digits_cnn/mine\.yaml", str(refused.value)
    )
    assert named
    assert "or name another" not in str(refused.value)
    assert command(shlex.split(named[1])) == EXIT_COMPLETE
    assert build.requests(compose.compose([*shlex.split(flag), "optimizer=mine"]))
    for other in (
        ["--workload", "digits_cnn"],
        ["--class", "torch.optim.Adam", "--workload", "quadratic_deep"],
    ):
        assert command([*here, *other, "--config-dir", "my_conf"]) == EXIT_USAGE
        assert "is there already, and nothing is written over" in capsys.readouterr().err


def test_a_verb_mistyped(capsys):
    assert command(["reprot", "results/x"]) == EXIT_USAGE
    told = capsys.readouterr().err
    assert "report, run, searches" in told
    assert told.endswith("; did you mean 'report'?\n")


def test_a_file_of_ones_own_needs_a_flag(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command(["optimizer=my_own"]) == EXIT_USAGE
    assert "a file of your own is found with --config-dir DIR" in capsys.readouterr().err
