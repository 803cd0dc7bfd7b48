"""The numbers in the prose of a page: decimals and percentages, each with the sentence that states it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

NUMBER = (
    r"(?<![\w.,/-])-?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:e-?\d+)?(?<=\d)(?![\w/]|\.\d|,\d{3})"
)
LIST = re.compile(rf"{NUMBER}(?:(?:,| and| to| or|–|, and)\s?{NUMBER})*\s?%")
JOINED = re.compile(rf"{NUMBER}(?: to |–){NUMBER}")
BRACKETS = re.compile(r"\([^()]*\)")
LEVELS = re.compile(
    r"9[05]\s?% (?:interval|one-sided|bounds|confidence)|9[05]\s?%(?:\)|:| intervals)"
)
ONE = re.compile(NUMBER)
RESULT = re.compile(r"(?:results/|\.\./(?!results/))([a-z0-9_]+)\b")


class Stated(NamedTuple):
    """Numbers that a sentence states together: in one pair of brackets, or listed; mostly one alone."""

    texts: tuple[str, ...]
    values: tuple[float, ...]
    within: tuple[float, ...]  # how far rounding may have moved each
    sentence: str
    before: str  # the sentence before it in the paragraph
    results: tuple[str, ...]  # that the paragraph names, of results/

    def __str__(self) -> str:
        return ", ".join(self.texts)


def prose(page: str) -> list[str]:
    """The paragraphs and table rows of a page, without code and without what is generated."""
    page = re.sub(r"(?s)<!-- (facts|demo): .*?<!-- end of \1 -->", "\n\n", page)
    page = re.sub(r"(?ms)```.*?```|(?:^ {4}[^\n]*\n?)+", "\n\n", page)
    return [part for part in re.split(r"\n\s*\n|\n(?=[|#-])", page) if part.strip()]


def numbers(page: str) -> Iterator[Stated]:
    """All of them; how sure a test is (95 %, 90 %) is no result, so left out."""
    for paragraph in prose(page):
        results = tuple(dict.fromkeys(RESULT.findall(paragraph)))
        text = re.sub(r"`[^`]*`", "`…`", re.sub(r"\]\([^)]*\)", "]", paragraph))
        text = " ".join(
            re.sub(r"arXiv:[\d.]+|\b(?:Python|PyTorch|torch) \d[\d.]+", "…", text).split()
        )
        before = ""
        for sentence in re.split(r"(?<=[.:;?])\s+(?=[A-Z*`\[])", text):
            for each in _of_sentence(sentence):
                yield Stated(*zip(*each, strict=True), sentence, before, results)
            before = sentence


def _of_sentence(sentence: str) -> Iterator[list[tuple[str, float, float]]]:
    """Those that stand together: as text, value and what rounding may have moved."""
    percentages = [match.span() for match in LIST.finditer(sentence)]
    lists = [
        match.span()
        for match in (
            *BRACKETS.finditer(sentence),
            *JOINED.finditer(sentence),
            *LIST.finditer(sentence),
        )
    ]
    together: dict[int, list[tuple[str, float, float]]] = {}
    for match in ONE.finditer(sentence):
        percent = any(first <= match.start() < last for first, last in percentages)
        if LEVELS.match(sentence, match.start()) or (not percent and "." not in match[0]):
            continue
        place = next(
            (first for first, last in lists if first <= match.start() < last), match.start()
        )
        together.setdefault(place, []).append(_value(match[0], percent))
    yield from together.values()


def _value(text: str, percent: bool) -> tuple[str, float, float]:
    """As shown, the value, and how far rounding may have moved it.

    >>> _value("49.6", True), _value(".0772", False)
    (('49.6 %', 0.496, 0.0005), ('.0772', 0.0772, 5e-05))
    """
    mantissa, _, exponent = text.replace(",", "").partition("e")
    digits = len(mantissa.partition(".")[2]) - int(exponent or 0)
    scale = 0.01 if percent else 1.0
    value = float(text.replace(",", "")) * scale
    return f"{text} %" if percent else text, value, 0.5 * 10.0**-digits * scale
