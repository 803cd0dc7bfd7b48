"""What workloads say before anything is trained."""

import sys
import types

import pytest

from harness.errors import ConfigError
from harness.running import checks


@pytest.fixture
def workload(monkeypatch):
    """A module made of functions: workload(load=…, prepare=…)."""

    def make(**functions):
        module = types.ModuleType("made_up_workload")
        for name, function in functions.items():
            setattr(module, name, function)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return module

    return make


def node(model=None, data=None, module="made_up_workload"):
    return {"workload": {"module": module}, "model": model or {}, "data": data or {}}


def test_each_distinct_model_and_data_set_is_asked_about_once(workload):
    asked = []
    workload(
        load=lambda *_: None,
        check_model=lambda model: asked.append(("model", model["width"])),
        prepare=lambda data: asked.append(("data", data["root"])) or f"digest of {data['root']}",
    )
    nodes = [node({"width": w}, {"root": r}) for w, r in ((1, "a"), (1, "b"), (2, "a"), (1, "a"))]
    checks.check_models(nodes)
    assert asked == [("model", 1), ("model", 2)]
    assert checks.data_digests(nodes) == [f"digest of {r}" for r in ("a", "b", "a", "a")]
    assert asked[2:] == [("data", "a"), ("data", "b")]


def test_a_workload_may_have_load_alone(workload):
    workload(load=lambda *_: None)
    checks.check_models([node()])
    assert checks.data_digests([node()]) == [None]


@pytest.mark.parametrize("functions", [{}, {"load": "a path"}])
def test_a_module_without_load_is_none(functions, workload):
    workload(**functions)
    says = (
        r"workload.module 'made_up_workload' has no function load\(data, model, batch_size, device"
    )
    with pytest.raises(ConfigError, match=says):
        checks.check_models([node()])


@pytest.mark.parametrize("module", ["no.such.module", "..x", "", "math.sqrt"])
def test_a_module_that_cannot_be_imported(module):
    with pytest.raises(
        ConfigError, match=r"cannot be imported .*; give a module on the Python path"
    ):
        checks.check_models([node(module=module)])


def test_an_error_inside_a_module_is_the_users_to_see(tmp_path, monkeypatch):
    (tmp_path / "broken_workload.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=r"importing broken_workload failed: ZeroDivisionError"):
        checks.check_models([node(module="broken_workload")])
