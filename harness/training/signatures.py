"""Functions by name or import path, and the names of their hyperparameters."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from harness.errors import ConfigError

EXTRAS = {"pytorch_optimizer": "modern", "schedulefree": "modern"}  # of pyproject.toml


def keywords(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the keyword-only arguments."""
    parameters = inspect.signature(function).parameters.values()
    return tuple(each.name for each in parameters if each.kind is each.KEYWORD_ONLY)


def imported(what: str, path: str) -> Any:
    """The object at an import path such as ``torch.optim.AdamW``.

    Raises:
        ConfigError: nothing can be imported there; ``what`` is the setting that named it.
    """
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:  # "..x" is a TypeError
        extra = EXTRAS.get(path.partition(".")[0])
        remedy = (
            f"install the extra: pip install 'optimizer-comparison-harness[{extra}]'"
            if extra and isinstance(error, ModuleNotFoundError)
            else "give one on the Python path"
        )
        raise ConfigError(f"{what} {path!r} cannot be imported ({error}); {remedy}") from None
