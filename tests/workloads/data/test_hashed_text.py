"""Hashed features of words and whether punctuation follows."""

import numpy as np
import pytest

from workloads.data.hashed_text import FEATURES, SHARES, examples, hashed, split
from workloads.task import DataError

TEXT = "Well, Prince, so Genoa and Lucca are now just family estates. " * 20


def test_an_example_a_word_and_a_label_where_a_mark_follows():
    found = examples(TEXT)
    assert len(found.labels) == 11 * 20
    assert found.labels[:11].tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert found.features.shape == (220, FEATURES)


def test_the_mark_itself_is_in_no_feature():
    without = examples(TEXT.replace(",", ""))
    assert np.array_equal(without.features, examples(TEXT).features)
    assert without.labels.sum() < examples(TEXT).labels.sum()


def test_features_are_those_of_the_words_around_in_their_places():
    found = examples(TEXT, bits=16)
    told = (
        ("word", "so"),
        ("before", "prince"),
        ("before2", "well"),
        ("after", "genoa"),
        ("after2", "and"),
    )
    assert found.features[2, 0] == 0
    assert found.features[2, 1:6].tolist() == [hashed(slot, word, 16) for slot, word in told]
    assert found.features[2, 6] == hashed("word+after", "so genoa", 16)
    assert found.features.max() < 2**16


def test_hashes_are_the_same_everywhere():
    assert hashed("word", "prince", 18) == 169092


def test_parts_are_pieces_of_the_text_in_order():
    whole = examples(TEXT)
    parts = split(whole)
    assert list(parts) == list(SHARES)
    assert np.array_equal(np.concatenate([p.features for p in parts.values()]), whole.features)
    assert len(parts["train"].labels) == 176


@pytest.mark.parametrize("text", ["a few, words", "no marks at all " * 100])
def test_a_text_without_a_problem_is_refused(text):
    with pytest.raises(
        DataError, match=r"words and \d marks after words; give one of at least 100"
    ):
        examples(text)
