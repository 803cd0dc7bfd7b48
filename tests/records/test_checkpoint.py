"""A checkpoint's file: trusted whole, or set aside aloud."""

import hashlib
import os
import pickle
import random

import pytest
import torch

from harness.errors import ConfigError, SweepError
from harness.records.checkpoint import Checkpoint, Every, from_bytes, parse_every, to_bytes

STATE = {
    "step": 6,
    "parameters": {"weight": torch.arange(600.0)},
    "chain": {"optimizer": {"t": 6, "state": {"m": torch.ones(3)}}},
    "carry": (torch.zeros(2), torch.ones(2)),
    "curve": {"step": [4], "val_error": [None]},
}


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def checkpoint(folder, warnings):
    return Checkpoint(folder, 1, Every(steps=5), "cpu", warnings.append)


def test_what_is_saved_is_loaded(checkpoint, warnings):
    assert checkpoint.load() is None
    checkpoint.save(STATE)
    found = checkpoint.load()
    assert list(found) == list(STATE)
    assert torch.equal(found["parameters"]["weight"], STATE["parameters"]["weight"])
    assert found["chain"]["optimizer"]["t"] == 6
    assert found["curve"] == STATE["curve"]
    checkpoint.remove()
    assert checkpoint.load() is None
    assert warnings == []


def test_the_newest_replaces_the_one_before(checkpoint):
    checkpoint.save(STATE)
    checkpoint.save({**STATE, "step": 7})
    assert checkpoint.load()["step"] == 7
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["000001.pt"]


def test_it_is_due_after_steps_or_seconds(folder):
    steps, soon, late = (
        Checkpoint(folder, 1, every, "cpu", pytest.fail)
        for every in (Every(steps=5), Every(seconds=1e-9), Every(seconds=3600))
    )
    assert [step for step in range(1, 12) if steps.due(step)] == [5, 10]
    assert soon.due(1)
    assert not late.due(1)


def test_switched_off_it_is_read_but_never_written(checkpoint, folder):
    off = Checkpoint(folder, 1, None, "cpu", pytest.fail)
    off.save(STATE)
    assert not off.path.exists()
    assert not off.due(5)
    checkpoint.save(STATE)
    assert off.load()["step"] == 6


class Malicious:
    def __reduce__(self):
        return (os.system, ("touch pwned",))


def one_bit(content):
    place = content.index(STATE["parameters"]["weight"].numpy().tobytes()[:64])
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def bare_pickled_code(content):
    code = pickle.dumps({"identity": Malicious()})
    return hashlib.sha256(code).digest() + code


def of_another(name, value):
    def change(content):
        node = from_bytes(content)
        node["identity"][name] = value
        return to_bytes(node)

    return change


DAMAGE = {
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "binary": lambda content: random.Random(0).randbytes(5000),
    "one bit": one_bit,
    "pickled code": lambda content: to_bytes({"identity": Malicious()}),
    "bare pickled code": bare_pickled_code,
    "no state": lambda content: to_bytes({"identity": from_bytes(content)["identity"]}),
    "of another trial": of_another("trial", 7),
    "of another study": of_another("study", "elsewhere"),
    "of another device": of_another("device", "cuda"),
    "of another torch": of_another("torch", "1.0"),
    "of another schema": of_another("schema", 1),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_cannot_be_trusted_is_set_aside(damage, checkpoint, warnings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint.save(STATE)
    content = DAMAGE[damage](checkpoint.path.read_bytes())
    checkpoint.path.write_bytes(content)
    assert checkpoint.load() is None
    (warning,) = warnings
    assert "is not usable (" in warning
    assert "set aside as 000001.pt.damaged-" in warning
    assert "\n" not in warning
    (aside,) = checkpoint.path.parent.iterdir()
    assert aside.read_bytes() == content
    assert not (tmp_path / "pwned").exists()


def test_a_file_that_cannot_be_written_is_the_sweeps_trouble(checkpoint, folder):
    folder.checkpoints.write_text("in the way")
    with pytest.raises(SweepError, match=r"cannot be written .*finished trials are safe"):
        checkpoint.save(STATE)


@pytest.mark.parametrize(
    ("given", "every"),
    [(None, None), (500, Every(steps=500)), ("500", Every(steps=500)), ("90s", Every(seconds=90)),
     ("1.5m", Every(seconds=90)), ("2h", Every(seconds=7200))],
)  # fmt: skip
def test_how_often(given, every):
    assert parse_every(given) == every


@pytest.mark.parametrize("given", [0, -1, "0s", "1.5", "s", "1d", "", "ten", "1e3", "9" * 400])
def test_how_often_refused(given):
    with pytest.raises(ConfigError, match="steps such as 500 or a time such as 90s, 10m or 2h"):
        parse_every(given)


# --- the proof that a study's checkpoints can be resumed from --------------------------------------


def test_a_proof_is_of_a_study_on_a_kind_of_machine(checkpoint, folder):
    assert checkpoint.proven() is None
    checkpoint.note_proof(None)
    assert checkpoint.proven() is True
    assert Checkpoint(folder, 2, None, "cpu", pytest.fail).proven() is True
    assert Checkpoint(folder, 1, None, "cuda:0", pytest.fail).proven() is None
    checkpoint.note_proof("its momentum differs")
    assert checkpoint.proven() is False
    assert checkpoint.why_not_resumable() == "its momentum differs"


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"resumable": true}', "[" * 100_000])
def test_a_damaged_proof_is_none(content, checkpoint):
    checkpoint.note_proof(None)
    checkpoint.proof_path.write_text(content)
    assert checkpoint.proven() is None
    assert checkpoint.why_not_resumable() == "that its checkpoints resume is not proven"
