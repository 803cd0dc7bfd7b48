"""Does an optimizer do its work on a workload's real model? Ten steps of it, saved, resumed, repeated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from harness.checking.finding import LOOK, OK, WRONG, Finding, said
from harness.checking.step_cost import step_cost
from harness.checking.subject import Subject
from harness.errors import ConfigError
from harness.records.checkpoint import from_bytes, to_bytes
from harness.training import optimizers
from harness.training.randomness import random_state, seed, set_random_state
from harness.training.rehearsal import rehearse
from harness.training.resuming import Proof
from harness.training.train import Training

STEPS = 10
SAVED_AT = (5, 9)  # the proof takes one step more
POINTS = 8  # of the search space, of which some should go downhill
MINIBATCHES = 4  # on which it is told whether they do
MUCH_MEMORY, MUCH_TIME = 10.0, 10.0  # times the parameters, times a step of SGD


def check(on: Subject) -> Iterator[Finding]:
    """What there is to say, one after the other; nothing more after a step that cannot be taken."""
    middle = on.middle()
    try:
        training = on.begin(middle)
        training.train_one_step()
    except Exception as error:  # whatever a class of others raises
        yield Finding(WRONG, "constructs", f"{said(error)}; mend the class or its search space")
        return
    yield Finding(OK, "constructs", _described(on, training))
    for further in (_rehearsed, _downhill, _resumes, _repeats, _memory, _cost):
        try:
            yield further(on, middle)
        except Exception as error:  # at a later step than the first
            yield Finding(WRONG, further.__name__.strip("_"), said(error))
            return


def _described(on: Subject, training: Training) -> str:
    tensors = [p for p in training.model.parameters() if p.requires_grad]
    rule = optimizers.described(on.study.config["optimizer"])
    again = "; evaluates the loss again within a step" if training.chain.evaluates_again else ""
    count = sum(p.numel() for p in tensors)
    return f"{rule} on {len(tensors)} tensors of {count:,} parameters{again}"


def _rehearsed(on: Subject, middle: Mapping[str, float]) -> Finding:
    """What is looked at before any sweep (`training.rehearsal`), on made-up gradients."""
    config = on.study.config
    named, scheduled = (
        optimizers.described(config["optimizer"]),
        config["schedule"]["name"] != "constant",
    )
    try:
        warning = rehearse(lambda: on.begin(middle).chain, named, scheduled)
    except ConfigError as error:
        return Finding(WRONG, "rehearsed", said(error))
    if warning:
        return Finding(LOOK, "rehearsed", warning)
    told = "built again it steps alike, and moves the model in its steps alone"
    return Finding(OK, "rehearsed", f"{told}; the schedule reaches it" if scheduled else told)


# --- downhill ---------------------------------------------------------------------------------


def _downhill(on: Subject, middle: Mapping[str, float]) -> Finding:
    """Whether ten steps lower the loss of fixed minibatches: at the middle, else at other points."""
    before, after = _losses(on, middle)
    told = f"loss {before:.6g} to {after:.6g} in {STEPS} steps at the middle of its search space"
    if after < before:
        return Finding(OK, "downhill", told)
    others = [_losses(on, on.study.point(trial)) for trial in range(POINTS)]
    down = sum(after < before for before, after in others)
    if not down:
        told += f", and no lower at any of its first {POINTS} points"
        return Finding(WRONG, "downhill", f"{told}; is a sign the wrong way round?")
    return Finding(LOOK, "downhill", f"{told}; lower at {down} of its first {POINTS} points")


def _losses(on: Subject, point: Mapping[str, float]) -> tuple[float, float]:
    """Before and after; infinite where a step's loss is not finite."""
    training = on.begin(point)
    before = _loss(training)
    for _ in range(STEPS):
        if not training.train_one_step():
            return before, float("inf")
    return before, _loss(training)


@torch.no_grad()
def _loss(training: Training) -> float:
    """The mean over the first minibatches, of what evaluation would see; the training is left as it was."""
    random = random_state(training.device)
    buffers = [buffer.clone() for buffer in training.model.buffers()]
    total, carry = 0.0, None
    with training.chain.evaluated():
        for step in range(MINIBATCHES):
            seed(step)
            loss, carry = training.task.train_loss(training.model, step, training.data_seed, carry)
            total += float(loss)
    for buffer, was in zip(training.model.buffers(), buffers, strict=True):
        buffer.copy_(was)
    set_random_state(random, training.device)
    mean = total / MINIBATCHES
    return mean if mean == mean else float("inf")


# --- state ------------------------------------------------------------------------------------


def _resumes(on: Subject, middle: Mapping[str, float]) -> Finding:
    """Whether what a checkpoint holds resumes to the same bits."""
    training = on.begin(middle)
    size = 0
    for step in range(STEPS):
        proof = None
        if step in SAVED_AT:
            try:
                content = to_bytes({"state": training.state()})
                size = len(content)
            except Exception as error:  # a class whose state no file can hold
                return _not_resumed(f"its state cannot be saved ({said(error)})")
            try:
                saved = from_bytes(content)["state"]
                proof = Proof(lambda: on.begin(middle), saved, on.device)
            except Exception as error:  # a class that cannot take back what it saved
                return _not_resumed(f"its state cannot be restored ({said(error)})")
        if not training.train_one_step():
            return Finding(LOOK, "resumes", f"not told: the loss is not finite at step {step + 1}")
        if proof is not None and (where := proof.difference(training)) is not None:
            return _not_resumed(f"{where} differs one step after it is restored at step {step}")
    at = " and ".join(map(str, SAVED_AT))
    return Finding(
        OK, "resumes", f"to the same bits at steps {at}; a checkpoint has {_bytes(size)}"
    )


def _not_resumed(why: str) -> Finding:
    return Finding(WRONG, "resumes", f"{why}; an interrupted trial would start over")


def _repeats(on: Subject, middle: Mapping[str, float]) -> Finding:
    """Whether the same ten steps give the same bits."""
    once, twice = (_after_ten(on, middle) for _ in range(2))
    if torch.equal(once, twice):
        return Finding(OK, "deterministic", f"the same {STEPS} steps twice give the same bits")
    apart = float((once - twice).abs().max())
    return Finding(
        WRONG,
        "deterministic",
        f"the same {STEPS} steps twice end up to {apart:.2g} apart; draw from torch's, Python's or NumPy's"
        " own generator, which a trial seeds, and keep nothing between trials",
    )


def _after_ten(on: Subject, middle: Mapping[str, float]) -> Tensor:
    training = on.begin(middle)
    for _ in range(STEPS):
        if not training.train_one_step():
            break
    return torch.cat([p.detach().flatten() for p in training.model.parameters()])


# --- cost -------------------------------------------------------------------------------------


def _memory(on: Subject, middle: Mapping[str, float]) -> Finding:
    """What it holds after ten steps, beside parameters and gradients."""
    training = on.begin(middle)
    for _ in range(STEPS):
        if not training.train_one_step():
            break
    parameters = [p for p in training.model.parameters() if p.requires_grad]
    own = {p.untyped_storage().data_ptr() for p in parameters}
    own |= {p.grad.untyped_storage().data_ptr() for p in parameters if p.grad is not None}
    held = {
        storage.data_ptr(): storage.nbytes()
        for tensor in _tensors([training.chain.state_dict(), training.chain.attributes()])
        if (storage := tensor.untyped_storage()).data_ptr() not in own
    }
    size = sum(p.numel() * p.element_size() for p in parameters)
    times = sum(held.values()) / size
    return Finding(
        LOOK if times > MUCH_MEMORY else OK,
        "memory",
        f"holds {times:.3g} times the parameters ({_bytes(sum(held.values()))}) between steps",
    )


def _tensors(node: Any, seen: set[int] | None = None) -> Iterator[Tensor]:
    """Those in what an optimizer keeps, each once."""
    seen = set() if seen is None else seen
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, Tensor):
        yield node.detach()
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from _tensors(value, seen)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _tensors(value, seen)


def _cost(on: Subject, middle: Mapping[str, float]) -> Finding:
    """A step beside one of SGD."""
    try:
        cost = step_cost(on, middle)
    except ConfigError as error:
        return Finding(LOOK, "cost", f"not told: {said(error)}")
    return Finding(LOOK if cost.times > MUCH_TIME else OK, "cost", cost.told())


def _bytes(count: float) -> str:
    """A size in memory.

    >>> _bytes(900), _bytes(3 * 2**20)
    ('900 bytes', '3.0 MiB')
    """
    if count < 1024:
        return f"{count:.0f} bytes"
    return f"{count / 1024:.1f} KiB" if count < 2**20 else f"{count / 2**20:.1f} MiB"
