"""A workload for tests of the machinery: a linear model on sixteen points, microseconds a step.

`model.step_seconds` makes a step last, so that something can happen to it.
"""

import os
import time

import torch
from torch import nn

NUM_CLASSES = 4


def prepare(data):
    pass


def load(data, model, batch_size, device):
    return Task(model["step_seconds"])


class Task:
    def __init__(self, step_seconds):
        self.step_seconds = step_seconds
        self.data_description = {"label": "sixteen points"}
        random = torch.Generator().manual_seed(0)
        self.inputs = torch.randn(16, 2, generator=random)
        self.labels = torch.randint(NUM_CLASSES, (16,), generator=random)

    def model(self):
        _log("begun")
        return nn.Sequential(nn.Dropout(0.1), nn.Linear(2, NUM_CLASSES))

    def train_loss(self, model, step, data_seed, carry):
        time.sleep(self.step_seconds)
        if step == 3:
            _log("training")
        return nn.functional.cross_entropy(model(self.inputs), self.labels), carry

    @torch.no_grad()
    def evaluate(self, model, split):
        model.eval()
        logits = model(self.inputs)
        model.train()
        loss = nn.functional.cross_entropy(logits, self.labels).item()
        return (logits.argmax(1) != self.labels).float().mean().item(), loss


def _log(word):
    """A line a trial, whoever runs it, into the file that TINY_LOG names."""
    if log := os.environ.get("TINY_LOG"):
        with open(log, "a") as file:
            file.write(f"{word}\n")
