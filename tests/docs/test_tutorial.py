"""The tutorial at small size: from the class in its file to a tuning curve beside Adam's with a verdict."""

import pandas as pd
import pytest

from harness.__main__ import command
from tests.docs.conftest import SMALL
from tests.docs.pages import CHECKOUT, blocks, commands, file_of

PAGE = CHECKOUT / "docs" / "tutorial.md"
TRIALS = "num_trials=40"  # as many as a verdict takes
TO_THE_ANSWER = ("new", "check", "-m", "report")  # the first command of each


@pytest.mark.slow
def test_from_a_class_to_a_verdict(scratch, capsys):
    written, ran = [], []
    for block in blocks(PAGE):
        if path := file_of(block):
            (scratch / path).write_text(block.text, encoding="utf-8")
            written.append(path)
        for words in commands(block) if block.language == "sh" else ():
            step = next(step for step in (*TO_THE_ANSWER, "") if step in words or not step)
            if step and step not in ran:
                ran.append(step)
                assert command(_small(words[1:])) == 0, words
    assert written == ["my_rule.py"]
    assert ran == list(TO_THE_ANSWER)
    curves = pd.read_csv("report/tuning_curves.csv")
    assert set(curves["optimizer"]) == {"adam", "mine"}
    assert curves.groupby("optimizer")["budget_trials"].max().between(20, 40).all()
    (pair,) = pd.read_csv("report/pairs.csv").to_dict("records")
    assert {pair["a"], pair["b"]} == {"adam", "mine"}
    assert pair["verdict"] in ("better", "worse", "can't tell")
    assert "mine" in capsys.readouterr().out


def test_what_it_shows_is_what_is_written(scratch):
    """The ranges that the page quotes are those that the command writes."""
    (path,) = [block for block in blocks(PAGE) if file_of(block)]
    (scratch / "my_rule.py").write_text(path.text, encoding="utf-8")
    (quoted,) = [block.text for block in blocks(PAGE) if block.language == ""]
    assert command(["new", "optimizer", "mine", "--class", "my_rule.SignMomentum"]) == 0
    space = (scratch / "my_conf/search_space/digits_cnn/mine.yaml").read_text(encoding="utf-8")
    assert space.endswith(quoted)


def _small(words):
    if "-m" not in words:
        return words
    return [
        *(word for word in words if not word.startswith("num_trials=")),
        TRIALS,
        *SMALL,
        "model.width=2",
    ]
