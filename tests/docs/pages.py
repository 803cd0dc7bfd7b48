"""The pages of the documentation, taken apart: fenced blocks, commands, files, links."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parents[2]
README = CHECKOUT / "README.md"
PAGES = [README, *sorted((CHECKOUT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
FILE = re.compile(r"\A(?:# @package .*\n)?# ([\w./-]+\.(?:py|yaml))\b")


class Block(NamedTuple):
    language: str
    text: str


def blocks(page):
    return [Block(*match.groups()) for match in FENCE.finditer(page.read_text(encoding="utf-8"))]


def prose(page):
    """A page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def commands(block):
    """The command lines of a sh block as words, comments left out."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def file_of(block):
    """The path that a Python or YAML block names in its head, where it has one."""
    match = FILE.match(block.text) if block.language in ("python", "yaml") else None
    return match and match[1]


def inline_code(page):
    return re.findall(r"`([^`\n]+)`", prose(page))
