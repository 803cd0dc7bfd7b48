"""A workload has no search space for an optimizer: how to get one."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from harness.config import shipped
from harness.errors import ConfigError


def error(name: str, own: Path | None) -> ConfigError:
    """The error for a pair whose file is not there: it is optional, so that -m can compose with the default."""
    pair, _, optimizer = name.rpartition("/")
    folders = [folder for folder in (own, shipped.folder()) if folder]
    spaces = [path for each in folders for path in (each / "search_space" / pair).glob("*.yaml")]
    definitions = [each / "optimizer" / f"{optimizer}.yaml" for each in folders]
    definition = next((path for path in definitions if path.is_file()), None)
    fitting = sorted(path.stem for path in spaces if definition and _fits(definition, path))
    others = f", or name another, such as search_space={pair}/{fitting[0]}" if fitting else ""
    path = f"{own or 'conf'}/search_space/{name}.yaml"
    how = f"write {path}" if own else f"write {path} (--config-dir conf)"
    rule = _class_of(definition) if own and definition and definition.is_relative_to(own) else None
    if rule and pair and "/" not in pair:
        # Another optimizer's ranges mean nothing to it, even where it takes their names.
        words = ["new", "optimizer", optimizer, "--class", rule, "--workload", pair]
        command = shlex.join(["harness", *words, "--config-dir", str(own)])
        how, others = f"{command} writes {path}", ""
    return ConfigError(
        f"{pair or 'this workload'} has no search space for optimizer {optimizer!r}: {how}{others}"
    )


def _class_of(definition: Path) -> str | None:
    """The import path of the class that a user's file names."""
    import yaml

    node = yaml.safe_load(definition.read_text(encoding="utf-8"))
    rule = node.get("rule") if isinstance(node, dict) else None
    return rule if isinstance(rule, str) and "." in rule else None


def _fits(definition: Path, space: Path) -> bool:
    """Whether an optimizer takes the hyperparameters of a search space."""
    from omegaconf import OmegaConf

    from harness.study.parametrisation import meaning
    from harness.training import chain, optimizers

    try:
        node: Any = OmegaConf.to_container(OmegaConf.load(definition))
        axes: Any = OmegaConf.to_container(OmegaConf.load(space))
        names = {meaning(axis): 0.0 for axis in optimizers.flat(node, axes)}
        optimizers.check(node, chain.parts("linear", names).optimizer)
    except Exception:  # a file of a user's may hold anything
        return False
    return True
