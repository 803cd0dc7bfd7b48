"""A sparse problem of text: does a mark follow this word? Features are hashed neighbouring words.

Punctuation (, . ; : ! ?) restored to a text without it: each word is an example, its features the word, its two
neighbours on either side and the pairs next to the gap, each hashed with its place into one of 2^bits
numbers (Weinberger et al., 2009, arXiv:0902.2206), and one that all examples share.
"""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workloads.task import DataError

BITS = 18
SLOTS = ("bias", "word", "before", "before2", "after", "after2", "word+after", "before+word")
FEATURES = len(SLOTS)
MARKS = frozenset(",.;:!?")
LEAST_WORDS = 100
SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}  # of the text, in its order


class Examples(NamedTuple):
    """``features`` [examples, FEATURES], indices below 2^bits; ``labels`` [examples], 1: a mark."""

    features: NDArray[np.int64]
    labels: NDArray[np.float64]


def examples(text: str, bits: int = BITS) -> Examples:
    """One example a word.

    Raises:
        DataError: hardly any words, or no marks.
    """
    tokens = re.findall(r"\w+|[,.;:!?]", text.lower())
    words = [token for token in tokens if token not in MARKS]
    marked = np.zeros(len(words))
    seen = 0
    for token in tokens:
        if token not in MARKS:
            seen += 1
        elif seen:
            marked[seen - 1] = 1.0
    if len(words) < LEAST_WORDS or not marked.any():
        raise DataError(
            f"the text has {len(words)} words and {marked.sum():.0f} marks after words; give one of at"
            f" least {LEAST_WORDS} words, with punctuation"
        )
    padded = ["", "", *words, "", ""]
    found = np.zeros((len(words), FEATURES), dtype=np.int64)  # the bias is feature 0
    for at in range(len(words)):
        before2, before, word, after, after2 = padded[at : at + 5]
        told = (word, before, before2, after, after2, f"{word} {after}", f"{before} {word}")
        found[at, 1:] = [
            hashed(slot, each, bits) for slot, each in zip(SLOTS[1:], told, strict=True)
        ]
    return Examples(found, marked)


def hashed(slot: str, word: str, bits: int) -> int:
    """From 1 to 2^bits - 1; the same on every machine."""
    return 1 + zlib.crc32(f"{slot}:{word}".encode()) % (2**bits - 1)


def split(of: Examples) -> dict[str, Examples]:
    """Train, validation and test, each one piece of the text."""
    ends = np.round(np.cumsum(list(SHARES.values())) * len(of.labels)).astype(int)
    starts = [0, *ends[:-1]]
    return {
        name: Examples(of.features[start:end], of.labels[start:end])
        for name, start, end in zip(SHARES, starts, ends, strict=True)
    }
