"""Whose code a study runs: the files of a user's own modules, and what they import of their own."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.training import optimizers

OURS = ("harness", "workloads", "torch")


def modules(config: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """The modules that a study names by import path, each with the digest it was composed with.

    Raises:
        ConfigError: nothing can be imported there any more.
    """
    workload, optimizer, schedule = (config[part] for part in ("workload", "optimizer", "schedule"))
    yield workload["module"], workload.get("code")
    further = optimizer.get("codes", {})
    for module in optimizers.modules(optimizer):
        yield module, further.get(module, optimizer.get("code"))
    if "." in schedule["name"]:
        yield schedule["name"].rpartition(".")[0], schedule.get("code")


def files(config: Mapping[str, Any], named: str) -> dict[str, Path]:
    """The user's own files that a study needs, by where they lie on the Python path.

    Installed packages are left out: their versions tell what they are.

    Raises:
        ConfigError: a file is not what it was when the study was composed.
    """
    found: dict[str, Path] = {}
    for module, digest in modules(config):
        path = _source(module)
        if path is None or module.partition(".")[0] in OURS or _installed(path):
            continue
        if digest is not None and _digest(path) != digest:
            raise ConfigError(
                f"{path} is no longer what {named} was trained with ({_digest(path)}, then {digest}); bring"
                " it back, or bundle before editing"
            )
        found |= _with_imports(module, path)
    return found


def _source(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except Exception as error:  # whatever its packages raise
        raise ConfigError(
            f"module {module!r} cannot be found ({error}); mend it, or run from the folder it lies in"
        ) from None
    if spec is None:
        raise ConfigError(f"module {module!r} cannot be found; run from the folder it lies in")
    path = Path(spec.origin) if spec.origin else None
    return path if path is not None and path.is_file() else None


def _installed(path: Path) -> bool:
    places = {sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib", "platstdlib")}
    return any(path.is_relative_to(place) for place in places if place)


def _digest(path: Path) -> str:
    """As a study notes it (`harness.config.build`)."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _with_imports(module: str, path: Path) -> dict[str, Path]:
    """A module's file, its packages', and those of all it imports from the same place."""
    from modulefinder import ModuleFinder

    depth = module.count(".") + (path.name == "__init__.py")
    place = path.parents[depth]
    finder = ModuleFinder([str(place)], excludes=list(OURS))
    try:
        finder.import_hook(module)
        if "." in module:
            finder.import_hook(module.rpartition(".")[0], None, [module.rpartition(".")[2]])
    except SyntaxError as error:
        raise ConfigError(f"{error.filename}, line {error.lineno}: {error.msg}; mend it") from None
    found = {}
    for each in finder.modules.values():
        source = Path(getattr(each, "__file__", None) or "")
        if source.suffix == ".py":
            found[source.relative_to(place).as_posix()] = source
    return found


def on_the_path(folder: Path) -> None:
    """Have modules of a folder found, as a run has those of the current one."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
