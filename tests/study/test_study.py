"""Fingerprints: what a result depends on, and nothing else."""

import copy

import pytest

from harness.study.study import Study, portable

CONFIG = {
    "workload": {
        "name": "digits_cnn",
        "module": "workloads.digits_cnn",
        "steps": 10,
        "batch_size": 8,
        "eval_every": 5,
        "test_every": 0,
        "target_error": None,
    },
    "model": {"width": 4},
    "data": {"root": None, "format": "official"},
    "optimizer": {"name": "sgd", "rule": "sgd"},
    "schedule": {"name": "linear"},
    "search_space": {
        "lr": {"low": 0.01, "high": 1.0, "scale": "log"},
        "end_factor": {"choices": [0.1, 0.01]},
    },
    "sampler": {"name": "halton", "seed": None},
    "seed": 0,
    "precision": "float32",
    "data_sha256": "a" * 64,
}


def changed(path, value):
    config = copy.deepcopy(CONFIG)
    node = config
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return Study(config)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["workload", "steps"], 11),
        (["model", "width"], 5),
        (["data", "format"], "image_folder"),
        (["optimizer", "rule"], "momentum"),
        (["optimizer", "code"], "0123456789ab"),
        (["schedule", "name"], "constant"),
        (["search_space", "lr", "high"], 2.0),
        (["sampler", "seed"], 1),
        (["seed"], 1),
        (["precision"], "bfloat16"),
        (["data_sha256"], "b" * 64),
        (["data_sha256"], None),
    ],
)
def test_what_changes_a_result_changes_the_fingerprint(path, value):
    assert changed(path, value).fingerprint != Study(CONFIG).fingerprint


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["data", "root"], "/elsewhere"),
        (["data", "cache"], "/elsewhere"),
        (["data", "file"], "/elsewhere/text"),
        (["data", "download"], False),
        (["workload", "target_error"], 0.1),
    ],
)
def test_where_data_lies_and_what_is_asked_of_results_do_not(path, value):
    assert changed(path, value).fingerprint == Study(CONFIG).fingerprint


def test_the_order_of_axes_counts_and_of_other_keys_does_not():
    reordered = copy.deepcopy(CONFIG)
    reordered["search_space"] = dict(reversed(reordered["search_space"].items()))
    assert Study(reordered).fingerprint != Study(CONFIG).fingerprint
    shuffled = dict(reversed(CONFIG.items()))
    assert Study(shuffled).fingerprint == Study(CONFIG).fingerprint


def test_the_fingerprint_is_the_same_on_every_machine():
    """A changed hash orphans everyone's results: change it knowingly."""
    assert Study(CONFIG).fingerprint == "807e9da2bf99"


def test_seeds_depend_on_study_seed_and_trial_alone():
    study = Study(CONFIG)
    assert study.seeds(3) == Study(CONFIG).seeds(3)
    assert study.seeds(3) == changed(["workload", "steps"], 99).seeds(3)
    assert study.seeds(3) != study.seeds(4)
    assert study.seeds(3) != changed(["seed"], 1).seeds(3)
    assert len(set(study.seeds(3).values())) == 3


def test_an_own_sampler_seed_moves_the_points_and_not_the_training_seeds():
    other = changed(["sampler", "seed"], 7)
    assert other.point(0) != Study(CONFIG).point(0)
    assert other.seeds(0) == Study(CONFIG).seeds(0)


def test_a_study_is_named_by_what_it_compares():
    study = Study(CONFIG, ("seed=0",))
    assert study.name == f"digits_cnn/sgd/{study.fingerprint}"
    assert study.fingerprint == Study(CONFIG).fingerprint  # the words that composed it don't count


def test_overrides_travel_without_trials_and_places():
    words = [
        "optimizer=sgd",
        "num_trials=3",
        "+seed=1",
        "data.root=/here",
        "root=r",
        "~model.width",
    ]
    assert portable(words) == ["optimizer=sgd", "+seed=1", "~model.width"]
