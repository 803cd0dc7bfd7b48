"""A trial of each workload as the command runs it: composed, trained two steps, evaluated."""

from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

from harness.analysis import reading
from harness.analysis.names import quantity
from harness.config import build
from harness.study.result import COMPLETE
from tests.studies import jobs, record, study
from tests.workloads.conftest import made_photographs, made_shards
from workloads.task import DataError

SMALL = ("workload.steps=2", "workload.eval_every=2", "workload.test_every=0", "optimizer=sgd")
CONF = Path(__file__).parents[2] / "conf"
EIGHT = ("workload.batch_size=8",)
LANDSCAPES = ("beale", "saddle", "ravine", "rosenbrock", "himmelblau")
BUNDLED = ("quadratic_deep", "digits_mlp", "digits_logistic", *LANDSCAPES)


def trained(workload: str, *words: str):
    return record(study(f"workload={workload}", *SMALL, "search_space.lr=0.001", *words))


@pytest.mark.parametrize("workload", BUNDLED)
def test_bundled_data(workload):
    made = trained(workload)
    assert made["status"] == COMPLETE
    assert 0 <= made["val_error"] < 354


def test_fashion_mnist(small_fashion):
    made = trained("fashion_mnist_cnn", f"data.root={small_fashion.write()}", *EIGHT)
    assert made["status"] == COMPLETE
    assert made["data"]["train"] == 30


def test_fashion_mnist_as_wide_as_one_likes(small_fashion):
    words = ("fashion_mnist_cnn", f"data.root={small_fashion.write()}", *EIGHT)
    made = trained(*words, "model.width=8")
    assert made["status"] == COMPLETE
    assert study("workload=fashion_mnist_cnn", "optimizer=sgd").config["model"] == {}
    with pytest.raises(DataError, match=r"width must be a whole number of at least 1, or null"):
        trained(*words, "model.width=0")


@pytest.mark.parametrize("workload", ["cifar10_3c3d", "cifar10_vgg16"])
def test_cifar10(small_cifar, workload):
    root = small_cifar.write_tree()
    made = trained(workload, f"data.root={root}", "data.format=image_folder", *EIGHT)
    assert made["status"] == COMPLETE
    assert made["data"]["label"] == "CIFAR-10 (PNG copy)"


def test_cifar100(small_cifar100):
    root = small_cifar100.write_tree()
    made = trained("cifar100_cnn", f"data.root={root}", "data.format=image_folder", *EIGHT)
    assert made["status"] == COMPLETE
    assert made["data"]["validation"] == 100


def test_lm1b(tmp_path):
    pytest.importorskip("tokenizers")
    data = made_shards(tmp_path)
    words = [f"data.{name}={value}" for name, value in data.items()]
    made = trained("lm1b_transformer", *words, "model.width=16", *EIGHT)
    assert made["status"] == COMPLETE
    assert made["val_error"] == made["val_loss"] < 6


def test_photographs(tmp_path):
    data = made_photographs(tmp_path)
    words = [f"data.{name}={value}" for name, value in data.items()]
    made = trained("imagenet_resnet50", *words, "model.depth=18", *EIGHT)
    assert made["status"] == COMPLETE
    assert made["data"]["validation"] == 4


def test_the_metric_is_told_and_makes_no_other_study():
    words = ("workload=quadratic_deep", "optimizer=sgd")
    of = study(*words)
    assert of.config["workload"]["metric"] == "loss"
    assert study(*words, "workload.metric=excess").fingerprint == of.fingerprint
    assert study("optimizer=sgd").config["workload"]["metric"] == "error rate"
    assert reading._metric(of) == "loss"
    assert quantity("val_error", "loss") == "validation loss"


def test_training_on_the_validation_part_is_another_study():
    words = ("workload=fashion_mnist_cnn", "optimizer=sgd")
    nodes = [jobs(*words, *more)[0][0] for more in ((), ("data.train_on_validation=true",))]
    assert [node.data.train_on_validation for node in nodes] == [False, True]


def test_deepobs_grid_is_that_of_its_published_runs(real_data):
    published = pd.read_csv(real_data("external") / "deepobs_baselines.csv.gz")
    grid = published[published["problem"] == "quadratic_deep"]["lr"].unique()
    node = OmegaConf.load(CONF / "experiment" / "deepobs_quadratic_deep.yaml")
    asked = node.hydra.sweeper.params["search_space.lr"]
    assert [float(word) for word in asked.split(",")] == sorted(grid)


def test_deepobs_experiment_makes_a_study_of_each_learning_rate():
    words = ("experiment=deepobs_quadratic_deep", "search_space.lr=0.1,1")
    composed = [build.study_node(config) for config, _ in jobs(*words)]
    assert [(node["optimizer"]["name"], node["search_space"]["lr"]) for node in composed] == [
        (name, lr) for name in ("sgd", "momentum", "adam") for lr in (0.1, 1.0)
    ]
    assert all(node["data"]["same_order_each_epoch"] for node in composed)
    assert all(node["schedule"] == {"name": "constant"} for node in composed)
    (momentum,) = {node["search_space"].get("one_minus_momentum") for node in composed[2:4]}
    assert momentum == 0.01
