"""Next-character prediction on one text, cut into parallel streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from workloads.data.text import checked, sha256_of
from workloads.models.char_lstm import CharLSTM, State, detached
from workloads.settings import CHAR_LSTM, read
from workloads.task import DataError
from workloads.tasks.cross_entropy import count_errors, mean_cross_entropy

EVALUATION_STREAMS = 50  # DeepOBS evaluates with the streams it trains with
EVALUATION_LENGTH = 500  # time steps a chunk; the state is carried, so it changes no result


class CodedText(NamedTuple):
    """A text as numbers: `ids` [characters] uint8 index `vocabulary`, its sorted characters."""

    ids: np.ndarray
    vocabulary: str


def code(text: str) -> CodedText:
    """
    Raises:
        DataError: for a text that cannot be learned (text.py).
    """
    points = np.frombuffer(checked(text, "the text").encode("utf-32-le"), dtype=np.uint32)
    vocabulary, ids = np.unique(points, return_inverse=True)
    return CodedText(ids.astype(np.uint8), "".join(map(chr, vocabulary)))


def split(ids: np.ndarray) -> dict[str, np.ndarray]:
    """Train, validation and test, in the order of the text.

    The first 80% train and the last 20% test, as in DeepOBS; validation is the last tenth of the
    training part (ours: DeepOBS has none).
    """
    test_size = len(ids) // 5
    training, test = ids[: len(ids) - test_size], ids[len(ids) - test_size :]
    validation_size = len(training) // 10
    cut = len(training) - validation_size
    return {"train": training[:cut], "validation": training[cut:], "test": test}


def streams(ids: np.ndarray, count: int, length: int) -> tuple[Tensor, Tensor]:
    """Characters and their successors, [time, count] each, uint8: DeepOBS's contiguous batching.

    Stream s is the s-th of `count` equal consecutive pieces of the text, of as many times `length`
    characters as fit; the rest of the text is left out.

    Raises:
        DataError: when not even one minibatch fits.
    """
    batches = (len(ids) - 1) // (count * length)
    if batches < 1:  # -1 of no characters at all
        raise DataError(
            f"{count} streams of {length} characters need {count * length + 1} characters, "
            f"this part of the text has {len(ids)}: give a longer text, or a smaller batch_size "
            "or model.sequence_length"
        )
    used = batches * count * length
    inputs = ids[:used].reshape(count, -1).T
    targets = ids[1 : used + 1].reshape(count, -1).T
    return (
        torch.from_numpy(np.ascontiguousarray(inputs)),
        torch.from_numpy(np.ascontiguousarray(targets)),
    )


class CharacterTask:
    """A `Task` (task.py): a CharLSTM whose state is carried through the epoch.

    Nothing of the data is random: minibatch `step` is the next `sequence_length` characters of all
    streams, whatever the data seed.
    """

    def __init__(
        self,
        text: str,
        label: str,
        model: Mapping[str, Any],
        batch_size: int,
        device: str,
        *,
        train_on_validation: bool = False,
    ) -> None:
        """
        Args:
            model: the config node: hidden_size, layers, dropout, sequence_length.
            train_on_validation: the validation part is trained on too, and still evaluated, as
                DeepOBS has none.
        """
        settings = read("model", model, **CHAR_LSTM)
        ids, vocabulary = code(text)
        parts = split(ids)
        further = {}
        if train_on_validation:  # which goes on where the training part ends
            parts["train"] = np.concatenate([parts["train"], parts["validation"]])
            further = {"train_on_validation": True}
        length = settings.sequence_length
        self.device = device
        self.settings = settings
        self.sequence_length = length
        self.num_classes = len(vocabulary)
        self.data_description = {
            "label": label,
            "sha256": sha256_of(text),
            "characters": len(ids),
            "vocabulary": len(vocabulary),
            **{name: len(part) for name, part in parts.items()},
            **further,
        }
        count = {"train": batch_size}
        self.streams = {  # by split: inputs and targets, each [characters, streams]
            name: tuple(
                tensor.to(device)
                for tensor in streams(part, count.get(name, EVALUATION_STREAMS), length)
            )
            for name, part in parts.items()
        }
        self.steps_per_epoch = len(self.streams["train"][0]) // length

    def model(self) -> CharLSTM:
        settings = self.settings
        lstm = CharLSTM(self.num_classes, settings.hidden_size, settings.layers, settings.dropout)
        return lstm.to(self.device)

    def minibatch(self, step: int) -> tuple[Tensor, Tensor]:
        """Characters and successors of minibatch `step`, [sequence_length, batch_size] int64."""
        start = step % self.steps_per_epoch * self.sequence_length
        inputs, targets = self.streams["train"]
        part = slice(start, start + self.sequence_length)
        return inputs[part].long(), targets[part].long()

    def train_loss(
        self, model: CharLSTM, step: int, data_seed: int, carry: State | None
    ) -> tuple[Tensor, State]:
        inputs, targets = self.minibatch(step)
        if step % self.steps_per_epoch == 0:
            carry = None
        logits, state = model(inputs, carry)
        return mean_cross_entropy(logits.flatten(0, 1), targets.flatten()), detached(state)

    def evaluate(self, model: CharLSTM, split: str) -> tuple[float, float]:
        return self._evaluated(model, *self.streams[split])

    @torch.no_grad()
    def predict(self, model: CharLSTM, split: str) -> tuple[Tensor, Tensor]:
        """Of characters, in the order of time and then of streams."""
        model.eval()
        inputs, targets = self.streams[split]
        found, state = [], None
        for characters in inputs.split(EVALUATION_LENGTH):
            logits, state = model(characters.long(), state)
            found.append(logits.flatten(0, 1).float().softmax(1).cpu())
        model.train()
        return torch.cat(found), targets.flatten().long().cpu()

    def evaluate_training(self, model: CharLSTM, examples: int) -> tuple[float, float]:
        """On as many characters: the beginnings of all training streams."""
        inputs, targets = self.streams["train"]
        length = max(1, examples // inputs.shape[1])
        return self._evaluated(model, inputs[:length], targets[:length])

    @torch.no_grad()
    def _evaluated(self, model: CharLSTM, inputs: Tensor, targets: Tensor) -> tuple[float, float]:
        model.eval()
        errors = loss = torch.zeros((), device=self.device)
        state = None
        for characters, successors in zip(
            inputs.split(EVALUATION_LENGTH), targets.split(EVALUATION_LENGTH), strict=True
        ):
            logits, state = model(characters.long(), state)
            logits, labels = logits.flatten(0, 1), successors.flatten().long()
            errors = errors + count_errors(logits, labels)
            loss = loss + mean_cross_entropy(logits, labels).double() * len(labels)
        model.train()
        return float(errors) / targets.numel(), float(loss) / targets.numel()
