"""The house: rooms say what lives in them, files have one idea and fit."""

import ast
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for package in ("harness", "workloads", "scripts")
    for path in (CHECKOUT / package).rglob("*.py")
)
MOST_LINES = 350


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_a_file_fits_and_says_what_it_is(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert ast.get_docstring(ast.parse(text)), "its first line says what lives here"


def test_nothing_is_hidden_in_a_room_for_everything():
    vague = {"utils", "common", "helpers", "misc"}
    assert not [path for path in SOURCES if {path.stem, *path.parts} & vague]


def test_every_room_is_in_the_wheel():
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    rooms = {str(path.parent.relative_to(CHECKOUT)).replace("/", ".") for path in SOURCES}
    missing = [room for room in sorted(rooms - {"scripts"}) if f'"{room}"' not in text]
    assert not missing
