"""Settings of one training: to the statistics what optimizers are elsewhere."""

import numpy as np
import pandas as pd
import pytest

from harness.analysis import settings
from harness.analysis.final import final
from harness.analysis.pairs import pairs
from tests.analysis.conftest import made_up_study, made_up_table

RNG = np.random.default_rng(0)
ERRORS = RNG.uniform(0.2, 0.5, 45)


def setting(errors, **changes):
    """A table of one optimizer, and its study."""
    study = made_up_study("sgd", **changes)
    table = made_up_table(sgd=errors).assign(study=study.fingerprint)
    return table, {study.fingerprint: study}


def test_the_numbers_are_those_of_optimizers_that_lie_in_one_table():
    plain, one = setting(ERRORS)
    better, other = setting(ERRORS - 0.15, model={"width": 2})
    found = settings.compare({"plain": plain, "wide": better}, one | other)
    table = pd.concat([plain, better.assign(optimizer="momentum")], ignore_index=True)
    same = final(table, 9)
    assert found.settings["setting"].tolist() == ["plain", "wide"]
    assert found.settings["val_mean"].tolist() == same["val_mean"].tolist()
    assert (found.settings["budget_trials"] == 9).all()
    (row,) = found.pairs.to_dict("records")
    (expected,) = pairs(table, studies=one | other).to_dict("records")
    assert (row["a"], row["b"], row["verdict"]) == ("plain", "wide", "worse")
    assert row["p_adjusted"] == expected["p_adjusted"]
    assert settings.sentences(found)[-1].startswith("plain against wide: worse; it wins ")


def test_an_average_of_the_parameters_is_a_setting_of_its_own():
    plain, studies = setting(ERRORS)
    plain = plain.assign(
        test_error=0.5, polyak_val_error=plain["val_error"] - 0.01, polyak_test_error=0.25
    )
    asked = ("val_error", "exponential_val_error", "polyak_val_error")  # the second: not kept
    found = settings.compare({"SGD": plain}, studies, asked)
    last, mean = found.settings.to_dict("records")
    assert (last["setting"], mean["setting"]) == ("SGD", "SGD, mean iterate")
    assert mean["best_val_error"] == pytest.approx(last["best_val_error"] - 0.01)
    assert (last["test_mean"], mean["test_mean"]) == pytest.approx((0.5, 0.25))


def test_a_handful_of_trials_says_what_it_would_take():
    plain, one = setting(ERRORS[:8])
    other, two = setting(ERRORS[:8] - 0.1, model={"width": 2})
    found = settings.compare({"plain": plain, "wide": other}, one | two)
    *reached, pair = settings.sentences(found)
    assert pair == "plain against wide: can't tell, which takes 40 feasible trials of each"
    assert reached[0].startswith("plain: best of 1 ")
    assert reached[0].endswith("8 of 8 trials feasible")
