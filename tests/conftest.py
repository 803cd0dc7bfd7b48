"""What every test shares: a process left as it was found, and markers that a folder stands for."""

import contextlib
import functools
import gc
import logging
import os
import signal
import sys
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tests run on all cores at once
# Looks for circles are a fifth of the time of collecting tests, and a twelfth of composing configurations.
gc.set_threshold(20_000, 20, 100)
# A shell's background job ignores Ctrl-C, and so would every sweep that a test starts and stops.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

FOLDERS = {"slurm": "slurm", "faults": "fault", "report/test_in_browser.py": "browser"}
# By one process: what has a costly thing in common, a cluster, a report.
TOGETHER = {
    "tests/slurm/": "tests/slurm",
    "tests/report/test_page.py": "tests/report/test_report.py",
}


@pytest.hookimpl(tryfirst=True)  # before -m selects by them
def pytest_collection_modifyitems(items):
    """The marker of a test's folder, and the order of files: what waits for the clock first, then by their tests."""
    here = Path(__file__).parent
    places = {}
    for item in items:
        path = item.path.relative_to(here).as_posix()
        for start, marker in FOLDERS.items():
            if path.startswith(start):
                item.add_marker(marker)
        places.setdefault(item.path, []).append(item)
    order = [*FOLDERS.values(), "slow"]

    def rank(file):
        names = {mark.name for item in file for mark in item.iter_markers()}
        of = [place for place, name in enumerate(order) if name in names]
        return min(of, default=len(order)), -len(file)

    items[:] = [item for file in sorted(places.values(), key=rank) for item in file]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file is run by one process, as its tests have costly things in common, and so are some together.

    Not by marks of pytest-xdist's groups: 3.8 writes them where pytest 9.2 no longer looks.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = nodeid.partition("::")[0]
            return next((TOGETHER[start] for start in TOGETHER if path.startswith(start)), path)

    config.option.loadscopereorder = False  # they are in order
    return ByFile(config, log)


@functools.cache
def parsed(text):
    return yaml.load(text, Loader=get_yaml_loader())


@pytest.fixture(autouse=True, scope="session")
def a_text_is_parsed_once():
    """Thousands of configurations are composed here, of the same files: half of it was parsing YAML."""
    load = OmegaConf.load

    def from_text(file):
        with contextlib.suppress(Exception):  # what is wrong OmegaConf says itself, naming the file
            text = file.read() if hasattr(file, "read") else Path(file).read_text(encoding="utf-8")
            if isinstance(node := parsed(text), dict | list):
                return OmegaConf.create(node)
        if hasattr(file, "seek"):
            file.seek(0)
        return load(file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OmegaConf, "load", staticmethod(from_text))
        yield


@pytest.fixture(autouse=True)
def no_log_of_hydras():
    """One that it was told to write goes on, into what was captured of one test and is closed by the next."""
    root = logging.getLogger()
    level = root.level
    yield
    for handler in [each for each in root.handlers if type(each) is logging.StreamHandler]:
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(autouse=True)
def subnormal_numbers():
    """A trial trained in this process flushes subnormal numbers to zero; other tests need them."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
