"""A user's own files before the shipped ones of the same name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from harness.config import shipped


class OwnFilesFirst(SearchPathPlugin):
    """Hydra itself puts --config-dir behind the application's files: a user's optimizer/adam.yaml
    would be passed over without a word."""

    folder: ClassVar[Path | None] = None

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        if self.folder is not None and self.folder.is_dir():  # Hydra says that there is none
            path = f"file://{self.folder.absolute()}"
            search_path.prepend("own files", path, SearchPathQuery(provider="main"))


@contextlib.contextmanager
def own_files_first(folder: Path | None) -> Iterator[None]:
    """While entered, Hydra looks into the folder before it looks into conf/."""
    Plugins.instance().register(OwnFilesFirst)
    OwnFilesFirst.folder = folder
    try:
        yield
    finally:
        OwnFilesFirst.folder = None


def stand_ins(folder: Path, choices: Mapping[str, str]) -> list[str]:
    """Which of the files chosen are the user's and stand in for a shipped one of the same name.

    Args:
        choices: the chosen file of each config group, as Hydra's ``runtime.choices``.
    """
    names = {f"{group.partition('@')[0]}/{choice}.yaml" for group, choice in choices.items()}
    names.add("config.yaml")
    ours = shipped.folder()
    both = [name for name in sorted(names) if all((d / name).is_file() for d in (folder, ours))]
    return [name for name in both if (folder / name).read_bytes() != (ours / name).read_bytes()]
