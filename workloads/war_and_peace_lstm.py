"""Workload `war_and_peace_lstm`: DeepOBS's `tolstoi_char_rnn`, characters of War and Peace.

2 layers of 128 units, sequences of 50 characters, 50 streams, dropout 0.2; 940 steps an epoch. What
differs from DeepOBS: the last tenth of its training text is held out for validation. With
train_on_validation that is trained on too, and still evaluated: DeepOBS's 1,045 steps an epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workloads.data.text import sha256_of
from workloads.data.tolstoi import read_text
from workloads.settings import CHAR_LSTM, FLAG, read

if TYPE_CHECKING:
    from workloads.tasks.characters import CharacterTask
    from workloads.tasks.stacked_characters import StackedCharacters


FURTHER = {"train_on_validation": FLAG}


def prepare(data: Mapping[str, Any]) -> str:
    """`data`: root, cache, file, download, any_edition (tolstoi.py) and train_on_validation."""
    text, _ = read_text(data, **FURTHER)
    return sha256_of(text)


def check_model(model: Mapping[str, Any]) -> None:
    read("model", model, **CHAR_LSTM)


def load(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> CharacterTask:
    """`model`: hidden_size, layers, dropout, sequence_length."""
    from workloads.tasks.characters import CharacterTask

    text, label = read_text(data, **FURTHER)
    return CharacterTask(
        text,
        label,
        model,
        batch_size,
        device,
        train_on_validation=bool(data.get("train_on_validation")),
    )


def load_stacked(
    data: Mapping[str, Any], model: Mapping[str, Any], batch_size: int, device: str
) -> StackedCharacters:
    from workloads.tasks.stacked_characters import StackedCharacters

    return StackedCharacters(load(data, model, batch_size, device))
