"""A user's own files win over the shipped ones of the same name, and say so."""

from pathlib import Path

import pytest
from hydra.errors import HydraException

from harness.config import build, search_path, shipped
from tests.studies import jobs


@pytest.fixture
def own(tmp_path):
    """own(file, text): a file of the user's, in a folder with the layout of conf/."""

    def write(file, text):
        path = tmp_path / "conf" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(tmp_path / "conf")

    return write


def node(*words):
    ((config, _),) = jobs(*words)
    return build.study_node(config)


@pytest.mark.parametrize("form", ["--config-dir {}", "--config-dir={}", "-cd {}"])
def test_a_file_of_the_same_name_stands_in_for_the_shipped_one(form, own, capsys):
    folder = own("search_space/digits_cnn/sgd.yaml", "lr: 0.125\n")
    words = form.format(folder).split()
    assert node(*words, "optimizer=sgd")["search_space"]["lr"] == 0.125
    told = capsys.readouterr().err
    assert f"{folder}/search_space/digits_cnn/sgd.yaml stands in for the shipped file" in told


def test_in_a_sweep_too(own):
    folder = own("search_space/digits_cnn/sgd.yaml", "lr: 0.125\n")
    nodes = [
        build.study_node(c) for c, _ in jobs("--config-dir", folder, "-m", "optimizer=sgd,adam")
    ]
    assert nodes[0]["search_space"]["lr"] == 0.125
    assert "eps" in nodes[1]["search_space"]


def test_it_is_over_with_the_command(own):
    folder = own("search_space/digits_cnn/sgd.yaml", "lr: 0.125\n")
    node("--config-dir", folder, "optimizer=sgd")
    assert node("optimizer=sgd")["search_space"]["lr"] != 0.125


def test_what_is_not_there_is_the_shipped_one(own, capsys):
    folder = own("search_space/digits_cnn/mine.yaml", "lr: 0.5\n")
    assert node("--config-dir", folder, "optimizer=sgd") == node("optimizer=sgd")
    own("optimizer/mine.yaml", "name: mine\nrule: sgd\n")
    made = node("--config-dir", folder, "optimizer=mine")
    assert (made["optimizer"]["name"], made["search_space"]["lr"]) == ("mine", 0.5)
    assert "stands in" not in capsys.readouterr().err


def test_an_unchanged_copy_of_a_shipped_file_stands_in_for_nothing(own, capsys):
    text = (shipped.folder() / "optimizer" / "sgd.yaml").read_text()
    folder = own("optimizer/sgd.yaml", text)
    assert node("--config-dir", folder, "optimizer=sgd") == node("optimizer=sgd")
    assert "stands in" not in capsys.readouterr().err
    choices = {"optimizer": "sgd", "workload": "digits_cnn"}
    assert search_path.stand_ins(Path(own("optimizer/sgd.yaml", text + "#")), choices) == [
        "optimizer/sgd.yaml"
    ]


def test_a_workload_of_ones_own_needs_no_space_for_optimizers_not_asked_for(own):
    """Under -m Hydra first composes with the default optimizer, Adam."""
    own("workload/mine.yaml", "# @package _global_\nworkload: {name: mine, module: workloads.digits_cnn,"
        " steps: 4, batch_size: 8, eval_every: 2, test_every: 0}\nmodel: {width: 2}\ndata: {}\n")  # fmt: skip
    own("search_space/mine/sgd.yaml", "lr: {low: 0.1, high: 1.0}\n")
    folder = own("search_space/mine/momentum.yaml", "lr: 0.1\none_minus_momentum: 0.1\n")
    several = jobs("-m", "--config-dir", folder, "workload=mine", "optimizer=sgd,momentum")
    assert [build.study_node(config)["optimizer"]["name"] for config, _ in several] == [
        "sgd", "momentum",
    ]  # fmt: skip
    words = [words for _, words in several]
    assert all(each[:2] == ("--config-dir", folder) for each in words)
    ((again, _),) = jobs(*words[1])  # with the folder, as the study says them
    assert build.study_node(again) == build.study_node(several[1][0])


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(HydraException, match="nowhere' not found"):
        jobs("--config-dir", str(tmp_path / "nowhere"))
