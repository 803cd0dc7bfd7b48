"""A committed study is repeated by the words that its card gives: they compose its fingerprint today."""

import json
from pathlib import Path

import pytest

from harness.config import build
from harness.study.study import key_of, portable
from tests.studies import jobs

RESULTS = Path(__file__).parents[2] / "results"
REPEATED = ("demo", "methods", "python_docs_stages", "digits", "digits_stages", "digits_broad")
OTHERS = ("momentum", "nesterov", "rmsprop", "nadam")  # whose words differ in the name alone


def marks(name, optimizer):
    return [pytest.mark.slow] * (name != "methods" and optimizer in OTHERS)


KEPT = [
    pytest.param(path, node, id=f"{name}-{optimizer}-{fingerprint}", marks=marks(name, optimizer))
    for name in REPEATED
    for path in sorted((RESULTS / name).rglob("study.json"))
    for node in [json.loads(path.read_text(encoding="utf-8"))]
    for fingerprint, optimizer in [(node["fingerprint"], path.parts[-3])]
]


@pytest.mark.parametrize(("path", "node"), KEPT)
def test_its_words_compose_it(path, node, monkeypatch):
    monkeypatch.chdir(RESULTS.parent)  # a --config-dir is told from there
    scores = [word for word in node["overrides"] if key_of(word) == "order.scores"]
    ((config, _),) = jobs(*portable(node["overrides"]), *scores, "hydra.mode=RUN")
    today = build.of_node(build.study_node(config), node["study"]["data_sha256"])
    assert today.fingerprint == node["fingerprint"]
