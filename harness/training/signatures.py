"""Functions by name or import path, and the names of their hyperparameters."""

from __future__ import annotations

import importlib
import inspect
import os
import sysconfig
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from harness.errors import ConfigError, HarnessError

OURS = ("harness", "workloads")
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
        return getattr(module_at(what, module), name)
    except ConfigError:
        raise
    except (ImportError, AttributeError, TypeError, ValueError) as error:  # "..x" is a TypeError
        extra = EXTRAS.get(path.partition(".")[0])
        remedy = (
            f"install the extra: pip install 'optimizer-comparison-harness[{extra}]'"
            if extra and isinstance(error, ModuleNotFoundError)
            else "give one on the Python path"
        )
        raise ConfigError(f"{what} {path!r} cannot be imported ({error}); {remedy}") from None


def module_at(what: str, name: str) -> ModuleType:
    """The module of this name; what its own code raises as one line, unless the module is ours.

    Raises:
        ImportError, TypeError, ValueError: there is none of this name.
        ConfigError: its code cannot be run; ``what`` is the setting that named it.
    """
    try:
        return importlib.import_module(name)
    except (HarnessError, ImportError):
        raise
    except (Exception, SystemExit) as error:  # of a script that ends itself, say
        if name.partition(".")[0] in OURS or not (place := _where(error)):
            raise
        raise ConfigError(
            f"{what}: importing {name} failed: {_told(error)} ({place}); mend it"
        ) from None


def _told(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return error.msg
    return f"{type(error).__name__}: {error}"[:300]


def _where(error: BaseException) -> str:
    """The file and line of others that raised an error; empty where it came from none of theirs."""
    if isinstance(error, SyntaxError) and error.filename:
        return _place(error.filename, error.lineno)
    installed = tuple(sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib"))
    frames = [
        each
        for each in traceback.extract_tb(error.__traceback__)[1:]  # the first is ours
        if not each.filename.startswith("<frozen")
        and not each.filename.endswith("importlib/__init__.py")
    ]
    own = [each for each in frames if not each.filename.startswith(installed)] or frames
    return _place(own[-1].filename, own[-1].lineno) if own else ""


def _place(file: str, line: int | None) -> str:
    inside = file.startswith(os.getcwd() + os.sep)
    return f"{os.path.relpath(file) if inside else file}, line {line}"
