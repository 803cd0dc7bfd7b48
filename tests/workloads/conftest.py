"""Made data (small, no network) and the real data where this machine has it."""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
import pickle
import pwd
import socket
import struct
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import torchvision.datasets
from PIL import Image

from workloads import fashion_mnist_cnn
from workloads.data import cifar10, cifar100, fashion_mnist

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def one_thread_and_no_data_elsewhere(monkeypatch, tmp_path):
    torch.set_num_threads(1)
    monkeypatch.delenv("HARNESS_DATA_ROOT", raising=False)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "default-cache"))


REAL_DATA = Path(os.environ.get("HARNESS_DATA_ROOT") or REPOSITORY.parent / "shared" / "data")


@pytest.fixture(scope="session")
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
    """A few images a class, noise on a grey that tells the class, as each kind of source."""

    def __init__(self, folder: Path, module: ModuleType, train: int, test: int) -> None:
        """`train` and `test` images of each of the data set's classes."""
        self.folder, self.module = folder, module
        classes = np.arange(len(module.CLASSES))
        self.sizes = {"train": train * len(classes), "test": test * len(classes)}
        random = np.random.default_rng(0)
        self.labels = np.concatenate([np.repeat(classes, train), np.repeat(classes, test)])
        noise = random.integers(60, size=(len(self.labels), 32, 32, 3), dtype=np.uint8)
        grey = 190 * self.labels // len(classes)
        self.images = (grey[:, None, None, None] + noise).astype(np.uint8)

    def write_tree(self, suffix: str = "png", **options) -> Path:
        tree = self.folder / f"{self.name}-tree"
        for index, (image, label) in enumerate(zip(self.images, self.labels, strict=True)):
            part = "train" if index < self.sizes["train"] else "test"
            path = tree / part / self.module.CLASSES[label] / f"{index:04}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path, **options)
        return tree

    @property
    def name(self) -> str:
        return self.module.__name__.rpartition(".")[2]

    def write_tar(self, compression: str = "xz") -> Path:
        tree = self.write_tree()
        root = self.folder / "tar"
        root.mkdir()
        path = root / f"{self.name}-images.tar.{compression}"
        with tarfile.open(path, f"w:{compression}") as tar:
            for image in sorted(tree.rglob("*.png"), reverse=True):  # any order will do
                tar.add(image, image.relative_to(tree))
        return path

    def write_official(self, monkeypatch) -> Path:
        """A folder with the official one; the checksums expected are set to these files."""
        folder = self.folder / "official" / self.module.OFFICIAL.folder
        folder.mkdir(parents=True)
        count = self.sizes["train"]
        reader = getattr(torchvision.datasets, self.module.OFFICIAL.reader)
        if self.module is cifar10:
            parts = {
                "data_batch_1": slice(0, 25),
                "data_batch_2": slice(25, count),
                "test_batch": slice(count, None),
            }
            key, meta = "labels", "label_names"
        else:
            parts = {"train": slice(0, count), "test": slice(count, None)}
            key, meta = "fine_labels", "fine_label_names"
        for name, part in parts.items():
            rows = self.images[part].transpose(0, 3, 1, 2).reshape(-1, 3072)
            batch = {"data": rows, key: self.labels[part].tolist()}
            content = pickle.dumps(batch, protocol=2)
            (folder / name).write_bytes(content)
        names = reader.meta["filename"]
        (folder / names).write_bytes(pickle.dumps({meta: list(self.module.CLASSES)}, protocol=2))
        md5s = {
            name: hashlib.md5((folder / name).read_bytes()).hexdigest() for name in (*parts, names)
        }
        *train, test = ([name, md5s[name]] for name in parts)
        monkeypatch.setattr(reader, "train_list", train)
        monkeypatch.setattr(reader, "test_list", [test])
        monkeypatch.setitem(reader.meta, "md5", md5s[names])
        return folder.parent

    def write_official_archive(self, monkeypatch) -> Path:
        official = self.module.OFFICIAL
        unpacked = self.write_official(monkeypatch)
        root = self.folder / "archive"
        root.mkdir()
        path = root / official.archive
        with tarfile.open(path, "w:gz") as tar:
            tar.add(unpacked / official.folder, official.folder)
        md5 = hashlib.md5(path.read_bytes()).hexdigest()
        monkeypatch.setattr(self.module, "OFFICIAL", official._replace(md5=md5))
        reader = getattr(torchvision.datasets, official.reader)
        monkeypatch.setattr(reader, "tgz_md5", md5)
        return path


@pytest.fixture
def small_cifar(tmp_path, monkeypatch) -> SmallCifar:
    """40 training images, 10 of them for validation, and 20 test images in CIFAR-10's classes."""
    made = SmallCifar(tmp_path, cifar10, train=4, test=2)
    monkeypatch.setattr(cifar10, "SIZES", made.sizes)
    monkeypatch.setattr(cifar10, "VALIDATION_SIZE", 10)
    return made


@pytest.fixture
def small_cifar100(tmp_path, monkeypatch) -> SmallCifar:
    """200 training images, 100 of them for validation, and 100 test images in 100 classes."""
    made = SmallCifar(tmp_path, cifar100, train=2, test=1)
    monkeypatch.setattr(cifar100, "SIZES", made.sizes)
    monkeypatch.setattr(cifar100, "VALIDATION_SIZE", 100)
    return made


class SmallFashion:
    """40 training and 20 test images as the four files; what is expected is set to these."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        self.root = folder / "fashion"
        random = np.random.default_rng(0)
        self.labels = (np.arange(60) % 10).astype(np.uint8)
        noise = random.integers(60, size=(60, 28, 28, 1), dtype=np.uint8)
        self.images = (19 * self.labels[:, None, None, None] + noise).astype(np.uint8)
        self.files, known = {}, {}
        for name in fashion_mnist.FILES:
            part = slice(0, 40) if name.startswith("train") else slice(40, None)
            array = self.images[part, ..., 0] if "images" in name else self.labels[part]
            header = struct.pack(">I", 0x0800 + array.ndim)
            content = header + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
            self.files[name] = content
            packed = hashlib.md5(gzip.compress(content, mtime=0)).hexdigest()
            known[name] = (packed, hashlib.sha256(content).hexdigest())
        monkeypatch.setattr(fashion_mnist, "SIZES", {"train": 40, "test": 20})
        monkeypatch.setattr(fashion_mnist, "FILES", known)
        monkeypatch.setattr(fashion_mnist_cnn, "VALIDATION_SIZE", 10)

    def write(self, folder: str = "", packed: bool = True) -> Path:
        place = self.root / folder
        place.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            if packed:
                (place / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
            else:
                (place / name).write_bytes(content)
        return self.root


@pytest.fixture
def small_fashion(tmp_path, monkeypatch) -> SmallFashion:
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "no-package")
    return SmallFashion(tmp_path, monkeypatch)


@pytest.fixture
def assert_gradient_agrees():
    """assert_gradient_agrees(model, loss): autograd against central differences, for every parameter.

    `model` is in float64. For each trainable tensor the derivative along a random direction,
    (L(w + h·d) - L(w - h·d)) / 2h with h = 1e-6, has to equal grad·d to 1e-5 of its size (the
    differences' own error is about 1e-9). Where d has 100,000 numbers and more a smaller h passes
    fewer kinks of ReLUs and maxima.
    """

    def check(model, loss, h: float = 1e-6) -> None:
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
                for step in (h, -h):
                    parameter += step * direction
                    values.append(loss().item())
                    parameter -= step * direction
            numeric = (values[0] - values[1]) / (2 * h)
            assert numeric == pytest.approx(exact, rel=1e-5, abs=1e-8), name

    return check


@pytest.fixture
def overfitted():
    """overfitted(model, shape, lr, steps, below): whether Adam gets below a loss on twenty random examples."""

    def train(model, shape, lr: float, steps: int, below: float) -> bool:
        inputs, labels = torch.randn(20, *shape), torch.arange(20) % 10
        optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        for _ in range(steps):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(inputs), labels)
            if loss.item() < below:
                return True
            loss.backward()
            optimizer.step()
        return False

    return train


def made_shards(tmp_path, copies: int = 1) -> dict:
    """The `data:` node of `lm1b_transformer` with made sentences, one shard in a folder of its own."""
    words = [
        "the",
        "of",
        "war",
        "peace",
        "state",
        "said",
        "year",
        "company",
        "market",
        "new",
        "people",
        "first",
        "time",
        "last",
    ]
    random = np.random.default_rng(0)
    archive = tmp_path / "archive"
    (archive / "more").mkdir(parents=True)
    for name, count in {"train-1": 60, "more/train-2": 40, "valid-0": 30, "test-0": 30}.items():
        lines = [
            " ".join(random.choice(words, random.integers(3, 40))) for _ in range(count * copies)
        ]
        (archive / name).write_text("\n".join([*lines, "", "Zürich costs € 5 ."]) + "\n")
    patterns = {"train": "train-*", "validation": "valid-0", "test": "test-0"}
    return {
        "root": str(archive),
        "cache": str(tmp_path / "cache"),
        "vocabulary": 300,
        "longest": 24,
    } | patterns


def made_photographs(tmp_path) -> dict:
    """The `data:` node of `imagenet_resnet50`: dark and light JPEGs of many sizes, one of them CMYK."""
    random = np.random.default_rng(0)
    root = tmp_path / "photographs"
    for part, count in (("train", 6), ("val", 2)):
        for name, light in (("a", 30), ("b", 225)):
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                shape = (*random.integers(40, 70, 2), 3)
                pixels = random.integers(light - 25, light + 25, shape).astype(np.uint8)
                image = Image.fromarray(pixels)
                image.convert("CMYK" if number == 1 else "RGB").save(
                    root / part / name / f"{number}.jpg"
                )
    return {
        "root": str(root), "cache": str(tmp_path / "cache"), "format": "image_folder",
        "validation": 2, "size": 32, "decoders": 1,
    }  # fmt: skip
