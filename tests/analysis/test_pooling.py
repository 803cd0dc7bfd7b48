"""One study per optimizer and workload: chosen, pooled, or refused with what differs."""

import pandas as pd
import pytest

from harness.analysis.checking import TableError, check
from harness.analysis.pooling import check_same_workload, groups, select_studies
from harness.analysis.reading import read_results
from harness.study.study import Study
from tests.analysis.conftest import SPACES, made_up_study, write_study


@pytest.fixture
def two_spaces(root):
    """A second study of sgd, over a wider range, beside those of ``root``."""
    wider = {**SPACES["sgd"], "lr": {"low": 1e-3, "high": 1e2, "scale": "log"}}
    study = made_up_study("sgd", search_space=wider)
    write_study(root, study, [0.05, 0.06])
    return root, study.fingerprint


def test_several_studies_are_never_mixed(two_spaces):
    root, fingerprint = two_spaces
    trials, _, studies = read_results(root, all_studies=True)
    with pytest.raises(TableError, match=r"made_up/sgd has 2 studies.*choose one with study="):
        list(groups(trials))
    with pytest.raises(TableError, match=r"search_space.lr.low \((0.01, 0.001|0.001, 0.01)\)"):
        select_studies(trials, studies=studies)
    chosen = select_studies(trials, fingerprint[:6], studies=studies)
    sizes = {group.optimizer: len(group.trials) for group in groups(chosen)}
    assert sizes == {"sgd": 2, "momentum": 60}
    with pytest.raises(TableError, match="study 'abc' is not in the table, which holds"):
        select_studies(trials, "abc")


def test_different_spaces_are_not_pooled(two_spaces):
    root, _ = two_spaces
    with pytest.raises(TableError, match=r"differ in search_space.lr.low"):
        read_results(root, pool=True)


def test_independent_scrambles_are_pooled_on_request(root):
    scramble = made_up_study("sgd", sampler={"name": "halton", "seed": 1}, seed=5)
    write_study(root, scramble, [0.05, 0.06, 0.07])
    trials, _, studies = read_results(root, all_studies=True)
    with pytest.raises(TableError, match=r"differ in sampler.seed|differ in seed"):
        select_studies(trials, studies=studies)
    pooled = select_studies(trials, studies=studies, pool=True)
    sgd = next(group for group in groups(pooled) if group.optimizer == "sgd")
    assert len(sgd.trials) == 63
    assert sgd.trials["study"].nunique() == 2  # a trial can still be found
    assert set(sgd.trials["pool"]) == {"+".join(sorted(set(sgd.trials["study"])))}


@pytest.mark.parametrize(
    ("used", "message"),
    [
        ({"stopping": {"patience": 3, "margin": 0.0}}, "differ in stopping.margin"),
        ({"averaging": {"polyak": 0.5}}, "differ in averaging.polyak"),
    ],
)
def test_a_study_with_a_method_is_not_pooled_with_one_without(root, used, message):
    write_study(root, made_up_study("sgd", seed=5, **used), [0.05, 0.06, 0.07])
    with pytest.raises(TableError, match=message):
        read_results(root, pool=True)


def test_early_stopping_is_another_protocol_for_the_whole_workload(root):
    stopping = {"patience": 3, "margin": 0.0}
    write_study(root / "b", made_up_study("momentum", stopping=stopping), [0.1, 0.2])
    write_study(root / "b", made_up_study("sgd"), [0.1, 0.2])
    with pytest.raises(TableError, match=r"run with different settings, stopping.margin"):
        read_results(root / "b")


def test_one_workload_name_with_two_settings(root):
    longer = {**made_up_study("momentum").config["workload"], "steps": 999}
    write_study(root / "b", made_up_study("momentum", workload=longer), [0.1, 0.2])
    write_study(root / "b", made_up_study("sgd"), [0.1, 0.2])
    for options in ({}, {"all_studies": True}):
        with pytest.raises(
            TableError, match=r"made_up was run with different settings, workload.steps"
        ):
            read_results(root / "b", **options)


def test_what_is_no_part_of_a_study_keeps_none_apart(root):
    """Where the data lay, and the target asked of the results."""
    trials, _, studies = read_results(root, all_studies=True)
    again = trials[trials["optimizer"] == "sgd"].assign(study="again")
    asked = {}
    for place, (name, study) in enumerate(studies.items()):
        workload = {**study.config["workload"], "target_error": place / 10}
        asked[name] = Study({**study.config, "workload": workload, "data": {"root": name}})
    own = trials.loc[trials["optimizer"] == "sgd", "study"].iloc[0]
    asked["again"] = Study({**asked[own].config, "seed": 7, "data": {"root": "elsewhere"}})
    both = check(pd.concat([trials, again]))
    assert len(select_studies(both, studies=asked, pool=True)) == len(both)


def test_a_setting_that_older_studies_lack_keeps_none_apart(root):
    trials, _, studies = read_results(root)
    own = trials.loc[trials["optimizer"] == "sgd", "study"].iloc[0]
    newer = Study({**studies[own].config, "schedule": {"name": "linear"}, "data_sha256": "ab"})
    check_same_workload(trials, {**studies, own: newer})
