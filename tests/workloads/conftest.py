"""Made data (small, no network) and the real data where this machine has it."""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import pwd
import socket
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10

from workloads import cifar10_resnet32
from workloads.data import cifar10, cifar10_official

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


@pytest.fixture
def online(tmp_path, monkeypatch):
    """(folder, url): what is in the folder is served at the URL."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "online"
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args) -> None:
            pass

    handler = functools.partial(Handler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def offline_url(monkeypatch) -> str:
    """A URL where nobody answers."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/file"


@pytest.fixture
def no_home(monkeypatch):
    """A container's user: no HOME, and a uid that the system does not know."""

    def unknown(uid: int):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("HARNESS_CACHE")
    monkeypatch.setattr(pwd, "getpwuid", unknown)


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
        """A folder with `cifar-10-batches-py`; the checksums expected are set to these files."""
        folder = self.folder / "official" / cifar10_official.FOLDER
        folder.mkdir(parents=True)
        parts = {
            "data_batch_1": slice(0, 25),
            "data_batch_2": slice(25, self.TRAIN),
            "test_batch": slice(self.TRAIN, None),
        }
        for name, part in parts.items():
            rows = self.images[part].transpose(0, 3, 1, 2).reshape(-1, 3072)
            batch = {"data": rows, "labels": self.labels[part].tolist()}
            content = pickle.dumps(batch, protocol=2)
            (folder / name).write_bytes(content)
        meta = pickle.dumps({"label_names": list(cifar10.CLASSES)}, protocol=2)
        (folder / "batches.meta").write_bytes(meta)
        names = [*parts, "batches.meta"]
        md5s = {name: hashlib.md5((folder / name).read_bytes()).hexdigest() for name in names}
        *train, test = ([name, md5s[name]] for name in parts)
        monkeypatch.setattr(CIFAR10, "train_list", train)
        monkeypatch.setattr(CIFAR10, "test_list", [test])
        monkeypatch.setitem(CIFAR10.meta, "md5", md5s["batches.meta"])
        return folder.parent

    def write_official_archive(self, monkeypatch) -> Path:
        unpacked = self.write_official(monkeypatch)
        root = self.folder / "archive"
        root.mkdir()
        path = root / "cifar-10-python.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            tar.add(unpacked / "cifar-10-batches-py", "cifar-10-batches-py")
        md5 = hashlib.md5(path.read_bytes()).hexdigest()
        monkeypatch.setattr(cifar10_official, "ARCHIVE_MD5", md5)
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
