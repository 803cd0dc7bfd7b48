"""The examples in docstrings, of every module."""

import doctest
import importlib
import pkgutil
import warnings

import pytest

import harness
import workloads

MODULES = sorted(
    found.name
    for package in (harness, workloads)
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not found.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0
