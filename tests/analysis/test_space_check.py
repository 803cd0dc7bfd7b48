"""Each space beside the field's: what makes one poor, and what is said of it."""

import numpy as np
import pytest

from harness.analysis.checking import check
from harness.analysis.space_check import (
    BY_HAND,
    CHOSEN,
    REFINED,
    STAGES,
    chance_level,
    sources_of,
    space_check,
)
from tests.analysis.conftest import made_up_study, made_up_table, row_of

FINE = np.linspace(0.01, 0.03, 40)
HALF_AT_CHANCE = np.concatenate([np.linspace(0.01, 0.012, 20), np.full(20, 0.9)])
FEW_GOOD = np.concatenate([np.linspace(0.01, 0.012, 4), np.linspace(0.1, 0.4, 36)])


def test_a_space_is_poor_by_its_best_of_four_or_by_its_share_at_chance():
    table = space_check(made_up_table(sgd=FINE, adam=FEW_GOOD, momentum=HALF_AT_CHANCE))
    assert dict(zip(table["optimizer"], table["poor"], strict=True)) == {
        "sgd": False, "momentum": True, "adam": True,
    }  # fmt: skip
    adam = row_of(table, optimizer="adam")
    assert adam["field_best_of_4"] == table["best_of_4"].min()
    assert adam["ratio"] == pytest.approx(adam["best_of_4"] / adam["field_best_of_4"])
    assert "times the field's" in adam["why"]
    assert row_of(table, optimizer="momentum")["chance_share"] == 0.5


def test_diverged_trials_learned_nothing():
    table = space_check(made_up_table(sgd=FINE, adam=[*FINE[:20], *[np.inf] * 20]))
    assert row_of(table, optimizer="adam")["chance_share"] == 0.5
    assert row_of(table, optimizer="sgd")["chance_share"] == 0


def test_the_chance_level_is_the_plateau_of_the_field():
    assert chance_level(made_up_table(sgd=HALF_AT_CHANCE)) == pytest.approx(0.9)
    assert np.isnan(chance_level(made_up_table(sgd=FINE)))  # nobody failed
    losses = made_up_table(sgd=[1.0, 2.3, 2.3]).assign(metric="cross entropy")
    assert np.isnan(chance_level(check(losses)))


def test_how_spaces_were_found_is_told_by_their_files(tmp_path):
    heads = {
        "sgd": "# Source: harness stages, the same for sgd, adam.",
        "rmsprop": "# Source: first stage results/x, narrowed by\n# harness refine at K = 24.",
        "nadam": "# Source: first stage results/x, chosen by hand\n# from what harness refine prints.",
        "adam": "# Source: the broad ranges; no run of\n# this project has narrowed them.",
    }
    studies = {}
    for name, head in heads.items():
        path = tmp_path / "search_space" / "made_up" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{head}\nlr: {{low: 0.1, high: 1.0}}\n")
        space = {"lr": {"low": 0.1, "high": 1.0, "scale": "log"}, "end_factor": 0.1}
        studies[f"{name}-study"] = made_up_study(name, search_space=space)
    other = made_up_study("sgd", search_space={"lr": 0.1})
    found = sources_of({**studies, "other": other}, [tmp_path])
    assert set(found) == set(studies)
    table = space_check(
        made_up_table(**dict.fromkeys(heads, FINE)), studies, sources=found
    ).set_index("optimizer")
    assert table["found_by"].to_dict() == {
        "sgd": STAGES, "rmsprop": REFINED, "nadam": CHOSEN, "adam": BY_HAND,
    }  # fmt: skip


def test_what_a_space_lacks_of_a_rivals_image():
    spaces = {
        "sgd": {"lr": {"low": 0.1, "high": 1.0}},
        "momentum": {"lr": {"low": 0.1, "high": 1.0}, "one_minus_momentum": {"low": 0.1, "high": 0.5}},
    }  # fmt: skip
    studies = {f"{name}-study": made_up_study(name, search_space=s) for name, s in spaces.items()}
    table = space_check(made_up_table(sgd=FINE, momentum=FINE), studies)
    assert row_of(table, optimizer="momentum")["lacks"] == (
        "of SGD's image: one_minus_momentum needs [1, 1], has [0.1, 0.5]"
    )
    assert row_of(table, optimizer="sgd")["lacks"] == ""


def test_a_studys_own_configurations_come_before_the_shipped_ones(tmp_path):
    for folder, head in (("own", "harness stages, first stage: x"), ("shipped", "harness refine")):
        path = tmp_path / folder / "search_space" / "made_up" / "sgd.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(f"# Source: {head}\nlr: 0.1\n")
    study = made_up_study("sgd", search_space={"lr": 0.1})
    own = study.__class__(study.config, ("--config-dir", str(tmp_path / "own"), "optimizer=sgd"))
    shipped = [tmp_path / "shipped"]
    assert "first stage" in sources_of({"s": own}, shipped)["s"]
    assert "refine" in sources_of({"s": study}, shipped)["s"]


@pytest.mark.parametrize("place", ["my_conf", "results/my_conf", "results/a/conf_2"])
def test_they_are_looked_for_from_the_results_not_from_here(tmp_path, monkeypatch, place):
    """In the folder that a sweep was started in, wherever one stands now; under a bundle's name for it."""
    root, path = (
        tmp_path / "results" / "a",
        tmp_path / place / "search_space" / "made_up" / "sgd.yaml",
    )
    for file, head in (
        (path, "harness stages"),
        (tmp_path / "elsewhere/my_conf/search_space/sgd.yaml", "other"),
    ):
        file.parent.mkdir(parents=True)
        file.write_text(f"# Source: {head}\nlr: 0.1\n")
    root.mkdir(parents=True, exist_ok=True)
    of = made_up_study("sgd", search_space={"lr": 0.1})
    own = {"s": of.__class__(of.config, ("--config-dir", "my_conf", "optimizer=sgd"))}
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert sources_of(own, [], [root]) == {"s": "Source: harness stages"}
    path.write_text("# Source: harness stages\nlr: 0.2\n")  # edited since
    assert sources_of(own, [], [root]) == {}
    assert sources_of({"s": of}, [], [root]) == {}  # it named no folder


def test_of_what_is_no_error_the_validation_error_stands_in():
    trials = made_up_table(sgd=FINE, adam=FEW_GOOD)
    table = space_check(trials, metric="train_loss")
    assert table.equals(space_check(trials))


def test_of_a_few_trials_none_is_called_poor():
    assert not space_check(made_up_table(sgd=FINE, adam=[0.1, 0.4, 0.9, 0.9]))["poor"].any()
