"""``harness bundle``: a trial repeated to the bit from the file alone, in an empty folder."""

import hashlib
import json
import shlex
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from harness.__main__ import command
from harness.errors import EXIT_COMPLETE, EXIT_USAGE
from harness.records.record import deterministic

RULE = """
import torch
from my_code.helping import scaled


class Mine(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-2):
        super().__init__(params, dict(lr=lr))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(scaled(p.grad, group["lr"]))
"""
SMALL = ("workload.steps=6", "workload.eval_every=3", "model.width=2", "device=cpu", "workers=1")


def forget(monkeypatch, *folders):
    """As a new process, which has imported nothing from there."""
    for name, module in list(sys.modules.items()):
        place = str(getattr(module, "__file__", None) or "")
        if any(place.startswith(str(folder)) for folder in folders) or name == "my_code":
            del sys.modules[name]
    monkeypatch.setattr(
        sys, "path", [p for p in sys.path if not any(p.startswith(str(f)) for f in folders)]
    )


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A folder with own code in a package and own YAML, and three trials of it and of sgd."""
    folder = tmp_path_factory.mktemp("swept") / "mine"
    files = {
        "my_code/__init__.py": "",
        "my_code/rules.py": RULE,
        "my_code/helping.py": "def scaled(g, lr):\n    return lr * g.sign()\n",
        "my_code/unused.py": "1 / 0\n",
        "my_conf/optimizer/mine.yaml": "name: mine\nrule: my_code.rules.Mine\n",
        "my_conf/search_space/digits_cnn/mine.yaml": "lr: {low: 1e-4, high: 1e-2, scale: log}\n",
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    words = ["--config-dir", "my_conf", "-m", "optimizer=mine,sgd", "num_trials=3", "root=found"]
    with pytest.MonkeyPatch.context() as patch:
        go_to(folder, patch)
        assert command([*words, *SMALL]) == EXIT_COMPLETE
        forget(patch, folder)
    return folder


def go_to(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.fixture
def mine(swept, tmp_path, monkeypatch):
    """A copy of one's own of it, the current folder."""
    folder = shutil.copytree(swept, tmp_path / "mine")
    go_to(folder, monkeypatch)
    yield folder
    forget(monkeypatch, tmp_path)


def records(root):
    found = {}
    for path in Path(root).glob("*/*/*/trials/*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        found[record["optimizer"], record["trial"]] = record
    return found


def test_a_trial_is_repeated_to_the_bit_from_the_file_alone(mine, tmp_path, monkeypatch, capsys):
    assert command(["bundle", "found", "--out", str(tmp_path / "sent.zip")]) == EXIT_COMPLETE
    assert "6 trials of 2 studies" in capsys.readouterr().out
    before = records("found")
    empty = tmp_path / "empty"
    with zipfile.ZipFile(tmp_path / "sent.zip") as zipped:
        zipped.extractall(empty)
    mine.rename(tmp_path / "gone")
    forget(monkeypatch, mine)
    monkeypatch.chdir(empty / "sent")
    files = {p.relative_to(".").as_posix() for p in Path().rglob("*") if p.is_file()}
    assert {"my_code/__init__.py", "my_code/rules.py", "my_code/helping.py"} < files
    assert "my_code/unused.py" not in files
    for line in Path("SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256(Path(name).read_bytes()).hexdigest() == digest
    readme = Path("README.md").read_text(encoding="utf-8")
    lines = [
        shlex.split(line)
        for line in readme.splitlines()
        if line.startswith("harness --") or line.startswith("harness optimizer")
    ]
    (of_mine,) = [words for words in lines if "optimizer=mine" in words and "trial=0-2" in words]
    assert of_mine[1:3] == ["--config-dir", "conf"]
    words = [word for word in of_mine[1:] if not word.startswith("trial=")]
    assert command([*words, "trial=2", "device=cpu", "workers=1"]) == EXIT_COMPLETE
    again = records("again")["mine", 2]
    assert deterministic(again) == deterministic(before["mine", 2])
    assert Path("my_code/rules.py").samefile(sys.modules["my_code.rules"].__file__)


def test_the_same_results_are_the_same_bytes(mine, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert command(["bundle", "found", "--out", str(tmp_path / name / "x.zip")]) == 0
    assert (tmp_path / "a/x.zip").read_bytes() == (tmp_path / "b/x.zip").read_bytes()


def test_versions_commands_and_records_are_in_it(mine, tmp_path):
    assert command(["bundle", "found"]) == EXIT_COMPLETE
    with zipfile.ZipFile("found.zip") as zipped:
        versions = json.loads(zipped.read("found/versions.json"))
        packages = zipped.read("found/requirements.txt").decode()
        names = zipped.namelist()
    assert sum(each["trials"] for each in versions) == 6
    assert "torch" in versions[0]["versions"]
    assert "\ntorch==" in packages
    assert sum("/trials/" in name for name in names) == 6
    assert not any(name.endswith(("claims", ".pt")) for name in names)


def test_code_that_was_edited_since_is_refused(mine, monkeypatch, capsys):
    path = mine / "my_code" / "rules.py"
    path.write_text(RULE + "# another thought\n", encoding="utf-8")
    assert command(["bundle", "found"]) == EXIT_USAGE
    err = capsys.readouterr().err
    assert "rules.py is no longer what digits_cnn/mine/" in err
    assert err.count("\n") == 1
    assert not Path("found.zip").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere"], "nowhere"),
        (["found", "--out", "found.tar"], "--out found.tar is not a .zip"),
        (["my_code"], "my_code"),
    ],
)
def test_a_mistake_is_one_line(mine, capsys, words, says):
    assert command(["bundle", *words]) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert says in err
