"""Workload `python_docs_lstm`: a small character LSTM on Python's own reference text.

CPython ships its language reference as `pydoc_data.topics` (what `help("if")` prints): about half
a million characters of English and code. The text differs between Python versions, so its SHA-256
goes into every record; compare only results with the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data.text import sha256_of
from workloads.settings import CHAR_LSTM, PATH, read
from workloads.task import DataError

if TYPE_CHECKING:
    from workloads.tasks.characters import CharacterTask
    from workloads.tasks.stacked_characters import StackedCharacters


def reference_text() -> str:
    """All topics, one after the other in the order of their names."""
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise DataError(
            "this Python comes without pydoc_data.topics, the text of python_docs_lstm: "
            "install the full standard library"
        ) from error
    return "".join(topics[name] for name in sorted(topics))


def prepare(data: Mapping[str, Any]) -> str:
    """The data is bundled, so that data.root and data.cache are accepted and not used."""
    read("data", data, root=PATH, cache=PATH)
    return sha256_of(reference_text())


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model, **CHAR_LSTM)


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> CharacterTask:
    """`model`: hidden_size, layers, dropout, sequence_length."""
    import platform

    from workloads.tasks.characters import CharacterTask

    prepare(data)
    label = f"Python {platform.python_version()} reference (pydoc_data.topics)"
    return CharacterTask(reference_text(), label, model, batch_size, device)


def load_stacked(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> StackedCharacters:
    from workloads.tasks.stacked_characters import StackedCharacters

    return StackedCharacters(load(data, model, batch_size, device))
