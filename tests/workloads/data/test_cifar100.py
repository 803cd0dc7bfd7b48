"""What CIFAR-100 has of its own; the loader is CIFAR-10's (test_cifar10.py)."""

import io

import numpy as np
import pytest
from PIL import Image

from workloads.data import cifar10, cifar100, image_tree
from workloads.task import DataError


def folder_data(root, **data):
    return {"root": str(root), "format": "image_folder", **data}


@pytest.mark.parametrize("source", ["tree", "tar", "official batches", "official archive"])
def test_every_source_gives_the_same_arrays(small_cifar100, monkeypatch, source):
    made, kind = small_cifar100, "official"
    if source == "tree":
        data, kind = folder_data(made.write_tree()), "PNG copy"
    elif source == "tar":
        data, kind = folder_data(made.write_tar("gz").parent), "PNG copy"
    elif source == "official batches":
        data = {"root": str(made.write_official(monkeypatch)), "format": "official"}
    else:
        archive = made.write_official_archive(monkeypatch)
        data = {"root": str(archive.parent), "format": "official"}
    decoded = cifar100.load(data)
    assert np.array_equal(decoded.images, made.images)
    assert np.array_equal(decoded.labels, made.labels)
    assert isinstance(decoded.images, np.memmap)
    assert decoded.description["label"] == f"CIFAR-100 ({kind})"


def test_classes_are_a_hundred_sorted_ones():
    assert len(set(cifar100.CLASSES)) == 100
    assert sorted(cifar100.CLASSES) == list(cifar100.CLASSES)


def test_one_root_may_hold_both(small_cifar, small_cifar100, tmp_path):
    root = tmp_path / "both"
    root.mkdir()
    small_cifar.write_tree().rename(root / "cifar10")
    small_cifar100.write_tree().rename(root / "cifar100-images")
    assert len(cifar10.load(folder_data(root)).labels) == 60
    assert len(cifar100.load(folder_data(root)).labels) == 300


def test_other_classes_are_refused(small_cifar100):
    tree = small_cifar100.write_tree()
    (tree / "train" / "worm").rename(tree / "train" / "slug")
    message = r"train/ holds 200 images of 100 classes instead of 200 of 100, apple to worm: give"
    with pytest.raises(DataError, match=message):
        cifar100.decoded_folder(folder_data(tree))


def test_without_an_archive_the_remedy_names_it(tmp_path):
    message = r"neither cifar-100-python nor cifar-100-python\.tar\.gz in .*: put .*image_folder"
    with pytest.raises(DataError, match=message):
        cifar100.decoded_folder({"root": str(tmp_path), "format": "official", "download": False})


def test_the_first_real_images_are_pngs(real_data):
    files = image_tree.image_files(real_data("cifar100-images.tar.xz"))
    for _, (path, content) in zip(range(20), files, strict=False):
        image = Image.open(io.BytesIO(content))
        assert image.size == (32, 32)
        assert image_tree.kind_of(image) == "PNG copy"
        assert path.parent.name in cifar100.CLASSES


@pytest.mark.slow  # 30 s to decode
def test_all_real_images(real_data):
    images, labels, description = cifar100.load(folder_data(real_data("cifar100-images.tar.xz")))
    assert images.shape == (60_000, 32, 32, 3)
    assert (np.bincount(labels[:50_000]) == 500).all()
    assert (np.bincount(labels[50_000:]) == 100).all()
    mean = images[:50_000].mean(axis=(0, 1, 2))
    np.testing.assert_allclose(mean / 255, [0.507075159, 0.486548873, 0.440917843], atol=1e-8)
    assert np.abs(mean - cifar100.MEAN).max() < 0.1
    assert np.abs(images[:50_000].std(axis=(0, 1, 2)) - cifar100.STD).max() < 0.1
    assert description["label"] == "CIFAR-100 (PNG copy)"
    assert description["sha256"].startswith("def17f59f3d7f5da")
