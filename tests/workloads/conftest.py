"""Made data (small, no network) and the real data where this machine has it."""

from __future__ import annotations

import hashlib
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from workloads import cifar10_resnet32
from workloads.data import cifar10

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def one_thread_and_no_data_elsewhere(monkeypatch, tmp_path):
    torch.set_num_threads(1)
    monkeypatch.delenv("HARNESS_DATA_ROOT", raising=False)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "default-cache"))


REAL_DATA = Path(os.environ.get("HARNESS_DATA_ROOT") or REPOSITORY.parent / "shared" / "data")


@pytest.fixture
def real_data():
    """real_data(name): the path of a real data file, or the test is skipped."""

    def path_of(name: str) -> Path:
        path = REAL_DATA / name
        if not path.exists():
            pytest.skip(f"no {path}: set HARNESS_DATA_ROOT to the folder that holds {name}")
        return path

    return path_of


class SmallCifar:
    """40 training and 20 test images, noise on a grey that tells the class, in CIFAR-10's ten classes, as each kind of source."""

    TRAIN, TEST, VALIDATION = 40, 20, 10

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        random = np.random.default_rng(0)
        self.labels = np.concatenate([np.repeat(np.arange(10), 4), np.repeat(np.arange(10), 2)])
        noise = random.integers(60, size=(self.TRAIN + self.TEST, 32, 32, 3), dtype=np.uint8)
        self.images = (20 * self.labels[:, None, None, None] + noise).astype(np.uint8)

    def write_tree(self, suffix: str = "png", **options) -> Path:
        tree = self.folder / "tree"
        for index, (image, label) in enumerate(zip(self.images, self.labels, strict=True)):
            part = "train" if index < self.TRAIN else "test"
            path = tree / part / cifar10.CLASSES[label] / f"{index:04}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path, **options)
        return tree

    def write_tar(self, compression: str = "xz") -> Path:
        tree = self.write_tree()
        root = self.folder / "tar"
        root.mkdir()
        path = root / f"cifar10-images.tar.{compression}"
        with tarfile.open(path, f"w:{compression}") as tar:
            for image in sorted(tree.rglob("*.png"), reverse=True):  # any order will do
                tar.add(image, image.relative_to(tree))
        return path

    def write_official(self, monkeypatch) -> Path:
        """`cifar-10-batches-py` as torchvision reads it, with its checksums set to these files."""
        from torchvision.datasets import CIFAR10

        batches = self.folder / "official" / "cifar-10-batches-py"
        batches.mkdir(parents=True)

        def write(name: str, content: object) -> list[str]:
            (batches / name).write_bytes(pickle.dumps(content))
            return [name, hashlib.md5((batches / name).read_bytes()).hexdigest()]

        def batch(part: slice) -> dict:
            rows = self.images[part].transpose(0, 3, 1, 2).reshape(-1, 3072)
            return {"data": rows, "labels": self.labels[part].tolist()}

        first, second = slice(0, 25), slice(25, self.TRAIN)
        train = [write("data_batch_1", batch(first)), write("data_batch_2", batch(second))]
        test = [write("test_batch", batch(slice(self.TRAIN, None)))]
        name, md5 = write("batches.meta", {"label_names": list(cifar10.CLASSES)})
        monkeypatch.setattr(CIFAR10, "train_list", train)
        monkeypatch.setattr(CIFAR10, "test_list", test)
        monkeypatch.setattr(CIFAR10, "meta", {"filename": name, "key": "label_names", "md5": md5})
        return batches.parent

    def write_official_archive(self, monkeypatch) -> Path:
        from torchvision.datasets import CIFAR10

        unpacked = self.write_official(monkeypatch)
        root = self.folder / "archive"
        root.mkdir()
        path = root / "cifar-10-python.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            tar.add(unpacked / "cifar-10-batches-py", "cifar-10-batches-py")
        md5 = hashlib.md5(path.read_bytes()).hexdigest()
        monkeypatch.setattr(cifar10, "ARCHIVE_MD5", md5)
        monkeypatch.setattr(CIFAR10, "tgz_md5", md5)
        return path


@pytest.fixture
def small_cifar(tmp_path, monkeypatch) -> SmallCifar:
    monkeypatch.setattr(cifar10, "SIZES", {"train": SmallCifar.TRAIN, "test": SmallCifar.TEST})
    monkeypatch.setattr(cifar10_resnet32, "VALIDATION_SIZE", SmallCifar.VALIDATION)
    return SmallCifar(tmp_path)


@pytest.fixture
def assert_gradient_agrees():
    """assert_gradient_agrees(model, loss): autograd against central differences, for every parameter.

    `model` is in float64. For each trainable tensor the derivative along a random direction,
    (L(w + h·d) - L(w - h·d)) / 2h with h = 1e-6, has to equal grad·d to 1e-5 of its size (the
    differences' own error is about 1e-9).
    """

    def check(model, loss) -> None:
        model.zero_grad()
        loss().backward()
        generator = torch.Generator().manual_seed(0)
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:
                continue
            direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            exact = (parameter.grad * direction).sum().item()
            values = []
            with torch.no_grad():
                for h in (1e-6, -1e-6):
                    parameter += h * direction
                    values.append(loss().item())
                    parameter -= h * direction
            numeric = (values[0] - values[1]) / 2e-6
            assert numeric == pytest.approx(exact, rel=1e-5, abs=1e-8), name

    return check
