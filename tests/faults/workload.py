"""A workload for tests of the machinery: a linear model on sixteen points, microseconds a step.

`model.step_seconds` makes a step last, until the file that TINY_HURRY names is there, and
`data.opening_seconds` the opening of the data, so that something can happen meanwhile. What the file `data.file` holds, if it is given, is the data's digest.
"""

import hashlib
import os
import time
from pathlib import Path

NUM_CLASSES = 4


def prepare(data):
    return _digest(data)


def load(data, model, batch_size, device):
    step_seconds = model["step_seconds"]
    _log("opening")
    time.sleep(data["opening_seconds"])
    return Task(step_seconds, _digest(data))


class Task:
    def __init__(self, step_seconds, digest):
        import torch  # here, as ours do: what is composed and checked should not take its second

        self.step_seconds = step_seconds
        self.data_description = {"label": "sixteen points", "sha256": digest}
        random = torch.Generator().manual_seed(0)
        self.inputs = torch.randn(16, 2, generator=random)
        self.labels = torch.randint(NUM_CLASSES, (16,), generator=random)

    def model(self):
        from torch import nn

        _log("begun")
        return nn.Sequential(nn.Dropout(0.1), nn.Linear(2, NUM_CLASSES))

    def train_loss(self, model, step, data_seed, carry):
        if not os.path.exists(os.environ.get("TINY_HURRY", "")):
            time.sleep(self.step_seconds)
        if step == 3:
            _log("training")
        return self._loss(model(self.inputs)), carry

    def evaluate(self, model, split):
        import torch

        model.eval()
        with torch.no_grad():
            logits = model(self.inputs)
        model.train()
        return (logits.argmax(1) != self.labels).float().mean().item(), self._loss(logits).item()

    def _loss(self, logits):
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits, self.labels)


def _digest(data):
    if data["file"] is None:
        return None
    return hashlib.sha256(Path(data["file"]).read_bytes()).hexdigest()


def _log(word):
    """A line into the file that TINY_LOG names, whoever writes it."""
    if log := os.environ.get("TINY_LOG"):
        with open(log, "a") as file:
            file.write(f"{word}\n")
