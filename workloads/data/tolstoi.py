"""The text of War and Peace, as the DeepOBS benchmark cuts it (`tolstoi`; arXiv:1903.05499)."""

from __future__ import annotations

import codecs
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workloads.data.download import download
from workloads.data.folders import (
    cache_folder,
    content_of,
    data_root,
    expanded,
    sha256_of_file,
    written_whole,
)
from workloads.data.text import checked, decoded
from workloads.settings import FLAG, PATH, Rule, read
from workloads.task import DataError

FILE_NAME = "war_and_peace.txt"
SHA256 = "48b5030ae673ac66db6e46c0915c04a8c18e0c83367a5836b2bae53154f339e4"
CHARACTERS = 3_266_185
SYMBOLS = 83

# Project Gutenberg's etext 2600 as DeepOBS takes it, 3,291,641 bytes, before the cuts.
ETEXT_URL = (
    "https://raw.githubusercontent.com/AllenDowney/fluent-python-notebooks/"
    "master/attic/sequences/war-and-peace.txt"
)
ETEXT_SHA256 = "3ed0f41cfdf660846878943bad5b9d575bcae1e4a92ee9a7f43d3c9dba2af344"

REMEDY = f"put {FILE_NAME} (sha256 {SHA256[:12]}…) into data.root=, or give a text with data.file="


def cut(etext: bytes) -> bytes:
    """Drop Gutenberg's header, the table of contents and the licence; keep the \\r\\n line ends.

    DeepOBS's three cuts, each counted in what the one before left: lines 1-29, then 5-775, then
    63,850-64,207.
    """
    lines = etext.splitlines(keepends=True)
    del lines[:29]
    del lines[4:775]
    del lines[63_849:64_207]
    return b"".join(lines)


DATA = {"root": PATH, "cache": PATH, "file": PATH, "download": FLAG, "any_edition": FLAG}


def find(data: Mapping[str, Any], **further: Rule) -> Path:
    """The path of the text: data.file, else in the data root, else in the cache, else downloaded.

    Args:
        further: settings of `data` that the workload reads.

    Raises:
        DataError: when there is none.
    """
    settings = read("data", data, **DATA, **further)
    if settings.file:
        path = expanded(settings.file, "data.file")
        if not os.path.isfile(path):
            raise DataError(f"data.file={settings.file} is not a file: give the path of the text")
        return path
    root = data_root(settings.root, settings.cache)
    if os.path.isfile(root / FILE_NAME):
        return root / FILE_NAME
    cache = cache_folder(settings.cache)
    cached = cache / FILE_NAME
    if os.path.isfile(cached):
        return cached
    if not settings.download:
        looked = " or ".join(dict.fromkeys(map(str, (root, cache))))
        raise DataError(f"no {FILE_NAME} in {looked}, and data.download is false: {REMEDY}")
    with written_whole(cached) as scratch:
        etext = scratch / "etext"
        download(ETEXT_URL, etext, f"sha256:{ETEXT_SHA256}", REMEDY)
        (scratch / FILE_NAME).write_bytes(cut(etext.read_bytes()))
        found = sha256_of_file(scratch / FILE_NAME)
        if found != SHA256:
            raise DataError(f"{ETEXT_URL} cut as DeepOBS does has sha256 {found}: {REMEDY}")
    return cached


def read_text(data: Mapping[str, Any], **further: Rule) -> tuple[str, str]:
    """The text and a label for it, after checking that it is DeepOBS's.

    The uncut etext is cut here. With data.any_edition another text is taken as it is.

    Raises:
        DataError: when it is another edition, DeepOBS's with its line ends translated, or no text
            that can be learned.
    """
    path = find(data, **further)
    content = content_of(path)
    if hashlib.sha256(content).hexdigest() == ETEXT_SHA256:
        content = cut(content)
    text = decoded(content, path)
    sha256 = hashlib.sha256(content.removeprefix(codecs.BOM_UTF8)).hexdigest()
    if sha256 == SHA256:
        return text, "War and Peace (DeepOBS)"
    symbols = len(set(text))
    if data.get("any_edition"):
        label = f"{path.name}: {len(text)} characters, {symbols} symbols (not DeepOBS's)"
        return checked(text, path), label
    raise DataError(
        f"{path} (sha256 {sha256[:12]}…) has {len(text)} characters and {symbols} distinct ones, "
        f"DeepOBS's War and Peace ({SHA256[:12]}…) {CHARACTERS} and {SYMBOLS}, with its \\r\\n line "
        "ends: another edition or damaged; give that text, or allow this one with "
        "data.any_edition=true"
    )
