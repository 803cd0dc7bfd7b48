from pathlib import Path

import pytest

from workloads.data.folders import cache_folder, data_root, expanded, written_whole
from workloads.task import DataError


def test_the_root_is_the_setting_then_the_variable_then_the_cache(tmp_path, monkeypatch):
    setting, variable = tmp_path / "setting", tmp_path / "variable"
    setting.mkdir()
    variable.mkdir()
    assert data_root(None, None) == tmp_path / "default-cache"
    assert data_root(None, "elsewhere") == Path("elsewhere")
    monkeypatch.setenv("HARNESS_DATA_ROOT", str(variable))
    assert data_root(None, None) == variable
    assert data_root(str(setting), None) == setting


def test_the_cache_is_the_setting_then_the_variable_then_in_the_home_folder(monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", "variable")
    assert cache_folder("setting") == Path("setting")
    assert cache_folder(None) == Path("variable")
    monkeypatch.delenv("HARNESS_CACHE")
    assert cache_folder(None) == Path.home() / ".cache" / "optimizer-harness"


def test_a_missing_root_is_named_as_it_was_given(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"data\.root=\S*/absent does not exist"):
        data_root(str(tmp_path / "absent"), None)
    monkeypatch.setenv("HARNESS_DATA_ROOT", str(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"HARNESS_DATA_ROOT=\S*/gone does not exist"):
        data_root(None, None)


def test_every_folder_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data").mkdir()
    assert data_root("~/data", None) == tmp_path / "data"
    assert cache_folder("~/cache") == data_root(None, "~/cache") == tmp_path / "cache"
    monkeypatch.setenv("HARNESS_DATA_ROOT", "~/data")
    monkeypatch.setenv("HARNESS_CACHE", "~/variable")
    assert data_root(None, None) == tmp_path / "data"
    assert cache_folder(None) == tmp_path / "variable"


def test_without_a_home_folder_those_that_are_given_are_used(tmp_path, monkeypatch, no_home):
    assert data_root(str(tmp_path), None) == tmp_path
    assert cache_folder("cache") == data_root(None, "cache") == Path("cache")
    message = (
        r"the cache folder ~/\.cache/.* in no known home .* with data\.cache= or HARNESS_CACHE$"
    )
    for folder in (lambda: cache_folder(None), lambda: data_root(None, None)):
        with pytest.raises(DataError, match=message):
            folder()
    monkeypatch.setenv("HARNESS_CACHE", "variable")
    assert cache_folder(None) == Path("variable")


@pytest.mark.parametrize("given", ["~/x", "~no-such-user/x"])
def test_a_home_folder_nobody_knows_is_named_with_its_setting(no_home, given):
    with pytest.raises(DataError, match=rf"^data\.file {given} is in no known home.* without ~$"):
        expanded(given, "data.file")


def test_nothing_is_left_of_a_write_that_fails(tmp_path):
    target = tmp_path / "cache" / "file"

    def fail_half_way() -> None:
        with written_whole(target) as scratch:
            (scratch / "file").write_text("ha")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()
    assert list(target.parent.iterdir()) == []


def test_a_full_disk_is_one_line(tmp_path):
    message = r"cache folder \S* cannot be filled \(3 requested and 0 written\): make room, or give"
    with pytest.raises(DataError, match=message), written_whole(tmp_path / "file"):
        raise OSError("3 requested and 0 written")  # numpy's
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_of_two_that_write_at_once_both_succeed_and_one_whole_copy_stays(tmp_path, kind):
    target = tmp_path / "cache" / "target"

    def write(scratch: Path) -> None:
        path = scratch / "target"
        if kind == "folder":
            path.mkdir()
            path = path / "inside"
        path.write_text("whole")

    with written_whole(target) as mine:
        write(mine)
        with written_whole(target) as other:
            write(other)
    assert [path.name for path in target.parent.iterdir()] == ["target"]
    assert (target / "inside" if kind == "folder" else target).read_text() == "whole"


def test_an_unwritable_cache_is_an_error_with_the_remedy(tmp_path):
    (tmp_path / "file").write_text("in the way")
    message = r"cannot be written .*data\.cache= or HARNESS_CACHE"
    with pytest.raises(DataError, match=message), written_whole(tmp_path / "file" / "x"):
        pass
