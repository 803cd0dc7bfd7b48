"""A tiny task with all that an evaluation may leave behind: dropout, running statistics, a carried state."""

import copy

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from harness.records.checkpoint import from_bytes, to_bytes
from harness.training.resuming import Proof
from harness.training.train import Training

SEEDS = {"initialisation": 1, "data_order": 2, "dropout": 3}


class MadeUpTask:
    """Points in the plane, an input of which is the state carried from the minibatch before."""

    def __init__(self, dropout=0.3, norm=True):
        self.data_description = {"label": "made up", "sha256": None}
        random = torch.Generator().manual_seed(0)
        self.inputs = torch.randn(32, 3, generator=random)
        self.labels = (self.inputs.sum(1) > 0).long()
        self.dropout, self.norm = dropout, norm
        self.states = []  # what each evaluation was given and saw, in order

    def model(self):
        norm = nn.BatchNorm1d(8) if self.norm else nn.Identity()
        return nn.Sequential(
            nn.Linear(4, 8), norm, nn.Tanh(), nn.Dropout(self.dropout), nn.Linear(8, 2)
        )

    def train_loss(self, model, step, data_seed, carry):
        state = torch.zeros(32, 1) if carry is None else carry
        logits = model(torch.cat([self.inputs, state], dim=1))
        self.states.append(state)
        return cross_entropy(logits, self.labels), logits.detach()[:, :1].tanh()

    def evaluate(self, model, split):
        model.eval()
        with torch.no_grad():
            logits = model(torch.cat([self.inputs, torch.zeros(32, 1)], dim=1))
            loss = cross_entropy(logits, self.labels).item()
        model.train()
        return (logits.argmax(1) != self.labels).float().mean().item(), loss


def training(optimizer, point, task=None, schedule="constant", steps=12, precision="float32"):
    """A training of `MadeUpTask`; the optimizer is a rule or a node of it."""
    config = {
        "workload": {"steps": steps, "eval_every": 4, "test_every": 0},
        "optimizer": {"rule": optimizer} if isinstance(optimizer, str) else optimizer,
        "schedule": {"name": schedule},
        "precision": precision,
    }
    return Training(config, point, SEEDS, task or MadeUpTask(), "cpu")


def trained(*given, **settings):
    """A training at its end, and what of it goes into the record as `final`."""
    made = training(*given, **settings)
    made.final = made.results(made.run(lambda: False))
    return made


def vector(made):
    """All parameters of a training, or of a model."""
    model = getattr(made, "model", made)
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def resumed(*given, at=6, **settings):
    """As `trained`, but interrupted at a step and gone on with in another training, from bytes."""
    first, steps = training(*given, **settings), iter(range(99))
    while next(steps) < at:
        assert first.train_one_step()
        if first.step % 4 == 0:
            first.evaluate()
    saved = from_bytes(to_bytes({"state": copy.deepcopy(first.state())}))["state"]
    second = training(*given, **settings)
    second.restore(saved)
    second.final = second.results(second.run(lambda: False))
    return second


def difference_after_a_step(*given, at=6, **settings):
    """What the proof of a study's first checkpoint finds; None where it resumes to the bit."""
    made = training(*given, **settings)
    for _ in range(at):
        assert made.train_one_step()
    saved = from_bytes(to_bytes({"state": made.state()}))["state"]
    proof = Proof(lambda: training(*given, **settings), saved, "cpu")
    assert made.train_one_step()
    return proof.difference(made)
