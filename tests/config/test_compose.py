"""From words to configurations: all that ships composes, and what a user typed stays as typed."""

import functools
from pathlib import Path

import hydra
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from harness.config import build, compose, schema
from harness.errors import ConfigError
from harness.study.study import Study
from tests.studies import jobs

CONF = Path(__file__).parents[2] / "conf"
TINY = Path(__file__).parents[1] / "faults" / "conf"
SPACES = CONF / "search_space"
WORKLOADS = sorted({folder.name for folder in SPACES.iterdir()} - {"defaults"})  # which are any's


def optimizers(folder):
    return sorted(path.stem for path in (SPACES / folder).glob("*.yaml"))


def studies(*words):
    """The studies of the jobs, their data left unread."""
    return [Study(build.study_node(config), words) for config, words in jobs(*words)]


# --- everything that ships -------------------------------------------------------------------------


def configuration(*overrides):
    """Composed by Hydra itself, not by the door."""
    schema.register()
    GlobalHydra.instance().clear()
    with hydra.initialize_config_module("harness.conf", version_base="1.3"):
        return hydra.compose("config", list(overrides))


def shipped(*overrides):
    """The study of a shipped configuration."""
    return Study(build.study_node(configuration(*overrides)))


@functools.cache
def composed_with_sgd(*overrides):
    composed = configuration("optimizer=sgd", *overrides)
    return OmegaConf.create(OmegaConf.to_container(composed, enum_to_str=True))


def put_together(optimizer, space, *overrides):
    """What `shipped` gives, put together of files: Hydra takes a tenth of a second or two."""
    config = composed_with_sgd(*overrides)
    config.optimizer = OmegaConf.load(CONF / "optimizer" / f"{optimizer}.yaml")
    config.search_space = OmegaConf.load(SPACES / f"{space}.yaml")
    return Study(build.study_node(config))


def covering(pairs):
    """Few pairs in which every workload and every optimizer stands: first those that are new in both."""
    chosen = []
    for least in (2, 1):
        for pair in pairs:
            others = list(zip(*chosen, strict=True)) or [(), ()]
            if sum(each not in of for each, of in zip(pair, others, strict=True)) >= least:
                chosen.append(pair)
    return chosen


PAIRS = [(name, each) for name in WORKLOADS for each in optimizers(name)]
BY_HYDRA = covering(PAIRS)


@pytest.mark.parametrize(
    ("workload", "optimizer", "by_hydra"),
    [(*pair, pair in BY_HYDRA) for pair in PAIRS],
)
def test_every_pair_of_workload_and_optimizer_composes(workload, optimizer, by_hydra):
    study = put_together(optimizer, f"{workload}/{optimizer}", f"workload={workload}")
    assert not by_hydra or study == shipped(f"workload={workload}", f"optimizer={optimizer}")
    assert (study.workload, study.optimizer) == (workload, optimizer)
    assert study.point(0).keys() == study.space.keys()
    assert {"decay_steps_factor", "end_factor"} <= set(study.space)


OTHERS = sorted(f"{path.relative_to(SPACES).with_suffix('')}" for path in SPACES.glob("*/*/*.yaml"))
OF_A_FOLDER = {name.rpartition("/")[0]: name for name in OTHERS}.values()  # one of each


@pytest.mark.parametrize(("name", "by_hydra"), [(name, name in OF_A_FOLDER) for name in OTHERS])
def test_every_other_search_space_composes(name, by_hydra):
    workload, _, optimizer = name.split("/")
    study = put_together(optimizer, name, f"workload={workload}", "schedule=constant")
    words = (f"workload={workload}", f"optimizer={optimizer}", f"search_space={name}")
    assert not by_hydra or study == shipped(*words, "schedule=constant")
    text = (SPACES / f"{name}.yaml").read_text()
    assert list(study.space) == list(axes(OmegaConf.create(text)))


def axes(space, group=""):
    """The names in a space's file; those of a group of parameters begin with the group's."""
    for name, axis in space.items():
        if isinstance(axis, dict | DictConfig) and not {"low", "choices"} & axis.keys():
            yield from axes(axis, f"{name}.")
        else:
            yield group + name


@functools.cache
def experiment(name):
    """An experiment's file on top of those that it goes on from."""
    own = OmegaConf.load(CONF / "experiment" / f"{name}.yaml")
    words = [each for each in own.defaults if each != "_self_"]
    below = [experiment(each) for each in words if isinstance(each, str)]
    chosen = [each for file in below for each in file.defaults]
    chosen += [each for each in words if not isinstance(each, str)]
    return OmegaConf.merge(*below, own, {"defaults": chosen})


EXPERIMENTS = {path.stem: experiment(path.stem) for path in (CONF / "experiment").glob("*.yaml")}


def optimizers_of(experiment):
    return experiment.hydra.sweeper.params.optimizer.replace(" ", "").split(",")


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_every_experiment_composes(name):
    """With its last optimizer: some name dozens, whose pairs are composed above."""
    optimizer = optimizers_of(EXPERIMENTS[name])[-1]
    study = shipped(f"experiment={name}", f"optimizer={optimizer}")
    assert study.optimizer == optimizer
    assert study.point(0).keys() == study.space.keys()


def space_of(name, optimizer):
    """The search space that an experiment chooses for an optimizer."""
    overrides = [str(key).split("@")[0] + f"={each[key]}" for each in
                 OmegaConf.to_container(EXPERIMENTS[name].defaults, resolve=False) for key in each]  # fmt: skip
    chosen = dict(each.removeprefix("override /").split("=", 1) for each in overrides)
    pattern = chosen.get("search_space", "${workload}/${optimizer}")
    return pattern.replace("${workload}", chosen["workload"]).replace("${optimizer}", optimizer)


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_every_optimizer_of_an_experiment_has_its_search_space(name):
    for optimizer in optimizers_of(EXPERIMENTS[name]):
        assert (SPACES / f"{space_of(name, optimizer)}.yaml").exists()


def test_an_experiment_is_a_job_an_optimizer():
    composed = jobs("experiment=quickstart")
    names = [build.study_node(config)["optimizer"]["name"] for config, _ in composed]
    assert names == optimizers_of(EXPERIMENTS["quickstart"])
    for (_, words), name in zip(composed, names, strict=True):
        assert set(words) == {"experiment=quickstart", f"optimizer={name}"}


@pytest.mark.parametrize("schedule", sorted(p.stem for p in (CONF / "schedule").glob("*.yaml")))
def test_every_schedule_composes(schedule):
    (study,) = studies("optimizer=sgd", f"schedule={schedule}")
    assert study.config["schedule"] == {"name": schedule}


@pytest.mark.parametrize(
    ("words", "times"),
    [
        (["optimizer=sgd"], 1),
        (["-m", "optimizer=sgd,adam"], 3),  # all once, then each
        (["experiment=quickstart", "optimizer=sgd", "hydra.mode=RUN"], 1),
        (["--config-dir", str(TINY), "workload=tiny", "optimizer=sgd"], 1),
        (["experiment=quickstart", "optimizer=sgd"], 3),  # whose file has it a sweep
    ],
)
def test_nothing_is_composed_in_vain(words, times, monkeypatch):
    """Hydra does it all once more to learn the mode, which words and shipped files tell."""
    seen, load = [], ConfigLoaderImpl.load_configuration
    monkeypatch.setattr(
        ConfigLoaderImpl, "load_configuration", lambda *a, **k: seen.append(1) or load(*a, **k)
    )
    assert jobs(*words)
    assert len(seen) == times


def test_a_file_of_ones_own_may_set_the_mode(tmp_path):
    (tmp_path / "workload").mkdir()
    text = (CONF / "workload" / "digits_mlp.yaml").read_text()
    swept = "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      seed: 0,1\n"
    (tmp_path / "workload" / "mine.yaml").write_text(
        text.replace("name: digits_mlp", "name: mine") + swept
    )
    words = ("workload=mine", "optimizer=sgd", "search_space=digits_mlp/sgd")
    assert len(jobs("--config-dir", str(tmp_path), *words)) == 2


def test_no_shipped_file_but_experiments_sets_the_mode():
    setting = {
        path.parent.name for path in CONF.rglob("*.yaml") if "\n  mode: " in path.read_text()
    }
    assert setting == {"experiment"}


# --- what a user types -----------------------------------------------------------------------------


def composed(*words):
    ((config, _),) = jobs(*words)
    return config


PATHS = (
    "2024_11_05", "1e3", "true", "a b", "ü/~x", "it's", "a,b", "$x", "x\\y", "x\\", "\\'", "[1]", "a=b",
)  # fmt: skip


@pytest.mark.parametrize("key", compose.TEXTS)
@pytest.mark.parametrize("text", PATHS)
def test_a_path_is_text_whatever_it_looks_like(key, text):
    (word,) = compose.as_hydra_takes_them([f"{key}={text}"])
    parsed = OverridesParser.create().parse_override(word)
    assert (parsed.key_or_group, parsed.value()) == (key, text)


def test_paths_reach_the_configuration():
    config = composed("root=2024_11_05", "report=it's a\\b")
    assert (config.root, config.report) == ("2024_11_05", "it's a\\b")


def test_a_path_may_be_null_or_quoted_by_the_user():
    assert composed("report=null").report is None
    assert composed("root='a b'").root == "a b"


@pytest.mark.parametrize("words", [("trial=0-3,7",), ("trial=[0-3,7]",), ("trial='0-3,7'",)])
def test_a_list_of_trials(words):
    config = composed("optimizer=sgd", *words)
    assert build.request(config, Study(build.study_node(config))).indices == (0, 1, 2, 3, 7)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_multirun_takes_its_flag_anywhere(place):
    words = ["optimizer=sgd,momentum", "seed=1"]
    words.insert(place, "-m")
    assert [study.optimizer for study in studies(*words)] == ["sgd", "momentum"]


@pytest.mark.parametrize("flag", [["--cfg", "job"], ["--config-dir", str(CONF)], [f"-cd={CONF}"]])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_flags_may_stand_anywhere(flag, place):
    """argparse wants the overrides side by side, and would name those behind a flag unrecognized."""
    overrides = ["optimizer=sgd", "seed=1"]
    words = [*overrides[:place], *flag, *overrides[place:]]
    assert compose.as_hydra_takes_them(words) == [*overrides, *flag]
    assert compose.as_hydra_takes_them([*words, "-m"])[0] == "-m"


# Whose spaces have lr itself, which that of the default pair, Adam's on the digits, lacks.
WITH_MOMENTUM = ("workload=digits_mlp", "optimizer=momentum,nesterov")
TO_HALF = "search_space.one_minus_momentum.high=0.5"


def test_multirun_overrides_what_its_optimizers_have_and_the_default_one_lacks():
    made = studies("-m", *WITH_MOMENTUM, TO_HALF)
    assert [study.config["search_space"]["one_minus_momentum"]["high"] for study in made] == [
        0.5,
        0.5,
    ]
    assert all(TO_HALF in study.overrides for study in made)


def test_the_words_of_a_job_compose_it_again():
    for study in studies("-m", *WITH_MOMENTUM, TO_HALF, "seed=0,1"):
        (again,) = studies(*study.overrides)
        assert again.fingerprint == study.fingerprint


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ("{choices: [0.1, 0.5]}", {"choices": [0.1, 0.5]}),
        ("{low: 0.1, high: 0.5}", {"low": 0.1, "high": 0.5, "scale": "log"}),
        ("{low: 0, high: 1, scale: linear}", {"low": 0.0, "high": 1.0, "scale": "linear"}),
        ("0.3", 0.3),
    ],
)
@pytest.mark.parametrize("several", [(), ("-m",)])
def test_an_axis_given_whole_takes_the_place_of_what_it_was(axis, expected, several):
    (study,) = studies(*several, "optimizer=sgd", f"search_space.lr={axis}")
    assert study.config["search_space"]["lr"] == expected


@pytest.mark.parametrize("axis", ["{}", "{ }"])
def test_an_axis_of_nothing_is_refused(axis):
    with pytest.raises(ConfigError, match=r"search_space.lr: an axis is a number, \{low, high"):
        studies("optimizer=sgd", f"search_space.lr={axis}")


def test_what_says_nothing_of_itself_is_named():
    with pytest.raises(ConfigError, match="cannot be composed: AssertionError; mend the words"):
        jobs("-m", "optimizer=sgd", "hydra.sweeper.max_batch_size=0")


def test_a_choice_of_other_axes_can_be_made_a_range():
    (study,) = studies("optimizer=sgd", "schedule.end_factor={low: 1e-4, high: 1}")
    expected = {"low": 1e-4, "high": 1.0, "scale": "log"}
    assert study.config["search_space"]["end_factor"] == expected


@pytest.mark.parametrize("words", [(), ("num_trials=3",)])
def test_no_words_are_the_default_study(words):
    (study,) = studies(*words)
    assert (study.workload, study.optimizer) == ("digits_cnn", "adam")


def test_what_is_printed_describes_no_job(capsys):
    assert jobs("--cfg", "job", "optimizer=sgd") == []
    assert "rule: sgd" in capsys.readouterr().out


def test_a_sweep_over_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"-m optimizer=glob\(x\*\): describes no study"):
        jobs("-m", "optimizer=glob(x*)")


@pytest.mark.parametrize(
    ("words", "elsewhere"),
    [
        (["optimizer=sgd"], False),
        (["-m", "hydra/launcher=basic"], False),
        (["-m", "hydra/launcher=joblib"], True),
    ],
)
def test_launchers_that_start_processes_of_their_own(words, elsewhere):
    assert compose.launches_elsewhere(words) is elsewhere


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        ([], None),
        (["optimizer=sgd"], None),
        (["--config-dir", "mine", "optimizer=sgd"], "mine"),
        (["--config-dir=mine"], "mine"),
        (["-m", "-cd", "mine"], "mine"),
    ],
)
def test_the_users_own_folder(words, folder):
    assert compose.config_dir(words) == (folder and Path(folder))


def test_what_a_launcher_is_told_is_not_for_composing():
    """Every job is composed and checked here before a launcher starts any."""
    words = ("-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "optimizer=sgd,momentum")
    assert [study.optimizer for study in studies(*words)] == ["sgd", "momentum"]
