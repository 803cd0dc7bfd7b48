"""search_space=defaults/NAME: each shipped optimizer as its library sets it."""

import inspect
from pathlib import Path

import pytest
import torch
import yaml

from harness.config import shipped
from harness.training import chain, classes, optimizers
from harness.training.definition import groups

FILES = sorted((shipped.folder() / "search_space" / "defaults").glob("*.yaml"))
OF_RULES = {  # the class of PyTorch that has the rule
    "sgd": "SGD", "momentum": "SGD", "nesterov": "SGD", "rmsprop": "RMSprop", "adam": "Adam", "nadam": "NAdam",
    "adagrad": "Adagrad", "adadelta": "Adadelta", "adamax": "Adamax",
}  # fmt: skip
NAMES = {"rho": "alpha"}  # of RMSProp's rule, in PyTorch
ELSEWHERE = {("momentum", "momentum"), ("nesterov", "momentum"), ("sam", "lr"), ("sam", "momentum")}


def defaults(path: Path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def of_signature(cls):
    given = {
        name: each.default for name, each in inspect.signature(cls.__init__).parameters.items()
    }
    for name, parts in {"betas": "beta", "etas": "eta"}.items():
        given |= {f"{parts}{place}": value for place, value in enumerate(given.pop(name, ()), 1)}
    return given


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_values_are_the_librarys(path):
    node = defaults(shipped.folder() / "optimizer" / path.name)
    for group in groups(node):
        own = defaults(path)
        own = own[group.name] if group.name else own
        if group.by_class:
            theirs = of_signature(classes.load_class(group.rule))
        else:
            theirs = of_signature(getattr(torch.optim, OF_RULES[group.rule]))
        for name, value in own.items():
            if (path.stem, name) not in ELSEWHERE:
                known = theirs[name if name in theirs else NAMES[name]]
                assert value == known, (group.rule, name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_optimizer_takes_them_and_needs_no_more(path):
    node = defaults(shipped.folder() / "optimizer" / path.name)
    names = dict.fromkeys(optimizers.flat(node, defaults(path)), 0.0)
    optimizers.check(node, chain.parts("constant", names).optimizer)


def test_every_optimizer_of_the_modern_comparison_has_one():
    experiment = (shipped.folder() / "experiment" / "modern_digits.yaml").read_text(
        encoding="utf-8"
    )
    compared = yaml.safe_load(experiment)["hydra"]["sweeper"]["params"]["optimizer"]
    assert {name.strip() for name in compared.split(",")} == {path.stem for path in FILES}
