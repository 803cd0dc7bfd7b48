"""Search spaces: what an axis is, knows and refuses."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.study.space import Choices, Constant, Range, parse

LOG = {"low": 1e-3, "high": 1e1, "scale": "log"}


def test_an_axis_is_a_range_choices_or_a_constant():
    space = parse({"lr": LOG, "end_factor": {"choices": [0.1, 0.01]}, "eps": 1})
    assert space == {
        "lr": Range("lr", 1e-3, 1e1, "log"),
        "end_factor": Choices("end_factor", (0.1, 0.01)),
        "eps": Constant("eps", 1.0),
    }
    assert [axis.searched for axis in space.values()] == [True, True, False]


def test_the_scale_is_logarithmic_unless_told():
    assert parse({"lr": {"low": 1, "high": 2}})["lr"] == Range("lr", 1.0, 2.0, "log")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"lr": {"low": 2, "high": 1}}, r"search_space\.lr: .*low < high, got low=2, high=1"),
        ({"lr": {"low": 1, "high": 1}}, r"low < high.*plain number"),
        ({"lr": {"low": -1, "high": 1}}, r"log-scale range must be positive, got low=-1"),
        ({"lr": {"low": 0, "high": 1}}, r"log-scale range must be positive"),
        ({"lr": {"low": 1, "high": math.inf}}, r"must be finite"),
        ({"lr": {"low": "a", "high": 1}}, r"low must be a number, got 'a'"),
        (
            {"lr": {"low": 1, "high": 2, "scale": "cubic"}},
            r"scale 'cubic' is not one of: linear, log",
        ),
        ({"lr": {"low": 1}}, r"an axis is a number"),
        ({"lr": "0.1"}, r"an axis is a number"),
        ({"lr": True}, r"an axis is a number"),
        (
            {"lr": {"low": 1, "high": 2, "hihg": 3}},
            r"'hihg' is no part of an axis: low, high, scale",
        ),
        ({"lr": {"low": "0,1", "high": 2, "5": None}}, r"'5' is no part .* decimals take a point"),
        ({"lr": {"low": True, "high": 2}}, r"low must be a number, got True"),
        (
            {"lr": {"choices": [1, math.inf]}},
            r"choices must be finite numbers, or all words, got inf",
        ),
        ({"lr": {"choices": [True]}}, r"choices must be finite numbers, or all words, got True"),
        ({"lr": {"choices": [1], "low": 1}}, r"an axis is a number"),
        ({"lr": math.nan}, r"constant must be finite"),
        ({"lr": {"choices": []}}, r"at least one value"),
        ({"lr": {"choices": ["a"]}}, r"search_space.lr is a number, got the words a"),
        ({}, r"search space is empty"),
        ({"lr_over_eps": LOG}, r"lr_over_eps needs an eps axis"),
        ({"lr": LOG, "lr_over_eps": LOG, "eps": 1}, r"sets lr twice, by lr and lr_over_eps"),
        ({"momentum": 0.9, "one_minus_momentum": 0.1}, r"sets momentum twice"),
        (
            {"lr": LOG, "decay_steps_factor": 1.5},
            r"decay_steps_factor must lie in \[0, 1\], got 1.5",
        ),
        ({"lr": LOG, "l2": -1}, r"l2 must lie in \[0, inf\], got -1"),
    ],
)
def test_bad_spaces_are_told_in_one_line(node, message):
    with pytest.raises(ConfigError, match=message) as error:
        parse(node)
    assert "\n" not in str(error.value)


def test_a_single_choice_needs_no_list():
    assert parse({"lr": {"choices": 0.1}})["lr"] == Choices("lr", (0.1,))


def test_keys_that_are_null_count_as_absent():
    """search_space.lr={choices: [1]} takes the place of an axis by making its other keys null."""
    nothing = dict.fromkeys(("low", "high", "scale"))
    assert parse({"lr": {"choices": [1.0], **nothing}})["lr"] == Choices("lr", (1.0,))
    assert parse({"lr": {**LOG, "choices": None}})["lr"] == Range("lr", 1e-3, 1e1, "log")


def test_natural_bounds_are_not_asked_of_what_an_optimizer_calls_as_it_likes():
    assert parse({"lr": LOG, "momentum": 3})["momentum"] == Constant("momentum", 3.0)
    with pytest.raises(ConfigError, match=r"one_minus_momentum must lie in \[0, 1\], got 3"):
        parse({"lr": LOG, "one_minus_momentum": 3})


# --- what an axis knows ----------------------------------------------------------------------------

AXES = (
    Range("lr", 1e-3, 1e1, "log"),
    Range("lr_of_mine", -2, 5, "linear"),
    Choices("end_factor", (0.1, 0.001)),
    Constant("one_minus_beta1", 0.1),
)
by_name = pytest.mark.parametrize("axis", AXES, ids=lambda axis: type(axis).__name__ + axis.name)


@by_name
def test_an_axis_is_parsed_again_from_its_node(axis):
    assert parse({axis.name: axis.node}) == {axis.name: axis}


@by_name
@given(u=st.floats(0, 1, exclude_max=True))
def test_values_lie_between_the_ends(axis, u):
    low, high = axis.ends
    assert low * (1 - 1e-12) <= axis.at(u) <= high * (1 + 1e-12) or low < 0 <= axis.at(u) - low


def test_the_ends_are_those_of_the_values():
    assert [axis.ends for axis in AXES] == [(1e-3, 1e1), (-2, 5), (0.001, 0.1), (0.1, 0.1)]


def test_at_is_even_on_the_scale():
    assert [AXES[0].at(u) for u in (0, 0.25, 0.5, 0.75)] == pytest.approx([1e-3, 1e-2, 0.1, 1])
    assert [AXES[1].at(u) for u in (0, 0.5)] == [-2, 1.5]
    assert [AXES[2].at(u) for u in (0, 0.49, 0.5, 0.99)] == [0.1, 0.1, 0.001, 0.001]
    assert AXES[3].at(0.7) == 0.1


@pytest.mark.parametrize("axis", [AXES[0], AXES[1]], ids=["log", "linear"])
@given(u=st.floats(0, 1, exclude_max=True))
def test_position_undoes_at(axis, u):
    assert axis.position(axis.at(u)) == pytest.approx(u, abs=1e-9)
    assert axis.value(float(axis.coordinate(axis.at(u)))) == pytest.approx(axis.at(u))


def test_positions_of_many_values_come_as_one_array():
    positions = AXES[0].position([1e-3, 0.1, 1e1, 1e2])
    np.testing.assert_allclose(positions, [0, 0.5, 1, 1.25])  # beyond the range too
    np.testing.assert_allclose(AXES[0].coordinate([1e-3, 1e2]), [-3, 2])


def test_labels_are_for_people_and_bounds_for_what_can_mean_something():
    assert [axis.label for axis in AXES] == [
        "learning rate",
        "lr of mine",
        "final lr / lr",
        "1 − β₁",
    ]
    inf = math.inf
    assert [axis.natural for axis in AXES] == [(0, inf), (-inf, inf), (0, 1), (0, 1)]


def test_an_axis_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        AXES[0].low = 1.0


# --- whole numbers and words -----------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_whole_numbers_are_drawn_from_their_piece_of_the_scale(scale):
    axis = parse({"memory": {"low": 1, "high": 20, "scale": scale, "integer": True}})["memory"]
    u = (np.arange(20_000) + 0.5) / 20_000
    drawn = np.array([axis.at(each) for each in u])
    assert set(drawn) == set(np.arange(1.0, 21.0))
    ends = np.arange(1, 22)
    pieces = np.diff(np.log(ends) / np.log(21)) if scale == "log" else np.full(20, 1 / 20)
    shares = np.bincount(drawn.astype(int))[1:] / len(u)
    np.testing.assert_allclose(shares, pieces, atol=1e-4)
    assert axis.at(1.0) == 20.0
    assert parse({"memory": axis.node})["memory"] == axis


def test_an_axis_without_whole_numbers_is_written_as_ever():
    assert parse({"lr": {"low": 1, "high": 2, "scale": "log"}})["lr"].node == {
        "low": 1.0, "high": 2.0, "scale": "log",
    }  # fmt: skip


def test_words_are_choices_of_their_own():
    axis = parse({"search": {"choices": ["strong_wolfe", "none"]}})["search"]
    assert [axis.at(u) for u in (0.0, 0.6)] == ["strong_wolfe", "none"]
    assert axis.of_words
    assert not parse({"k": {"choices": [1, 2]}})["k"].of_words


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            {"k": {"low": 1.5, "high": 3, "integer": True}},
            "must have whole ends, got low=1.5, high=3",
        ),
        ({"k": {"low": 1, "high": 3, "integer": 1}}, "integer must be true or false, got 1"),
        ({"k": {"choices": ["a", 1]}}, "must be finite numbers, or all words, got 'a'"),
        ({"lr": {"choices": ["a", "b"]}}, "search_space.lr is a number, got the words a, b"),
    ],
)
def test_what_is_no_axis_of_them_says_so(node, message):
    with pytest.raises(ConfigError, match=message):
        parse(node)
