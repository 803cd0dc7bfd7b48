"""Each space beside the field's: what makes one poor, and what is said of it."""

import numpy as np
import pytest

from harness.analysis.checking import check
from harness.analysis.space_check import (
    BY_HAND,
    REFINED,
    STAGES,
    chance_level,
    sentences,
    sources_of,
    space_check,
    unequal,
    warning,
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


def test_a_verdict_says_first_that_it_rests_on_poor_spaces():
    table = space_check(made_up_table(sgd=FINE, adam=FEW_GOOD))
    assert warning(table) == (
        "The search space decides here: on made_up those of Adam are poor; harness stages finds equal ones."
    )
    first, second = sentences(table)
    assert first.startswith("Adam's space on made_up is poor: its best of 4 is ")
    assert second.startswith(
        "SGD's space on made_up: 0% of 40 trials no better than chance, best of 4"
    )
    assert warning(space_check(made_up_table(sgd=FINE, adam=FINE))) == ""


def test_how_spaces_were_found_is_told_by_their_files(tmp_path):
    heads = {
        "sgd": "# Source: harness stages, the same for sgd, adam.",
        "rmsprop": "# Source: first stage results/x, narrowed by\n# harness refine at K = 24.",
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
    assert table["found_by"].to_dict() == {"sgd": STAGES, "rmsprop": REFINED, "adam": BY_HAND}
    assert unequal(table.reset_index()) == ["made_up"]
    assert "Spaces on made_up were not found in the same way" in warning(table.reset_index())


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
