"""What a user's own module raises is one line that names the file and the line."""

import sys

import pytest

from harness.__main__ import command
from harness.commands import own_code
from harness.errors import EXIT_USAGE, ConfigError
from harness.training import signatures


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes my_broken.py where it is found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield (tmp_path / "my_broken.py").write_text
    sys.modules.pop("my_broken", None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\n\nx = (\n", "'(' was never closed (my_broken.py, line 3)"),
        ("\n1 / 0\n", "ZeroDivisionError: division by zero (my_broken.py, line 2)"),
        ("int('a')\n", "ValueError: invalid literal for int() with base 10: 'a' (my_broken.py, line 1)"),
        ("import torch\ntorch.zeros('a')\n", "(my_broken.py, line 2)"),
        ("import sys\nsys.exit(0)\n", "SystemExit: 0 (my_broken.py, line 2)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("setting", ["optimizer.rule=my_broken.Mine", "workload.module=my_broken"])
def test_a_module_that_cannot_be_run(module, text, says, setting, tmp_path, capsys):
    module(text)
    assert command([setting, f"root={tmp_path / 'r'}"]) == EXIT_USAGE
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "importing my_broken failed: " in told
    assert says in told


def test_our_own_keep_their_traceback(module, monkeypatch):
    module("1 / 0\n")
    monkeypatch.setattr(signatures, "OURS", ("my_broken",))
    with pytest.raises(ZeroDivisionError):
        signatures.imported("optimizer.rule", "my_broken.Mine")


def test_a_bundle_of_what_no_longer_compiles(module):
    module("\nx = (\n")
    config = {
        "workload": {"module": "my_broken"},
        "optimizer": {"rule": "sgd"},
        "schedule": {"name": "linear"},
    }
    with pytest.raises(ConfigError, match=r"my_broken\.py, line 2: '\(' was never closed; mend it"):
        own_code.files(config, "a study")
