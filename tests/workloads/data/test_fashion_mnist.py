import numpy as np
import pytest
from torchvision.datasets import FashionMNIST

from workloads.data import fashion_mnist
from workloads.task import DataError

OFFLINE = {"download": False}


@pytest.mark.parametrize("packed", [True, False], ids=["gz", "plain"])
@pytest.mark.parametrize("folder", ["", "FashionMNIST/raw", "fashion-mnist"])
def test_the_files_are_found_in_a_root(small_fashion, folder, packed):
    decoded = fashion_mnist.load({"root": str(small_fashion.write(folder, packed)), **OFFLINE})
    assert np.array_equal(decoded.images, small_fashion.images)
    assert np.array_equal(decoded.labels, small_fashion.labels)
    assert isinstance(decoded.images, np.memmap)
    assert decoded.description["label"] == "Fashion-MNIST (official)"


def test_debians_package_is_found_by_itself(small_fashion, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "DEBIAN", small_fashion.write())
    assert np.array_equal(fashion_mnist.load(OFFLINE).images, small_fashion.images)


def test_a_root_without_them_does_not_hide_the_package(small_fashion, monkeypatch, tmp_path):
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(fashion_mnist, "DEBIAN", small_fashion.write())
    assert len(fashion_mnist.load({"root": str(tmp_path / "empty"), **OFFLINE}).labels) == 60


def test_they_are_found_in_the_cache(small_fashion):
    small_fashion.write("cache")
    cache = str(small_fashion.root / "cache")
    assert len(fashion_mnist.load({"cache": cache, **OFFLINE}).labels) == 60


def test_they_are_downloaded_once(small_fashion, online, tmp_path, monkeypatch):
    folder, url = online
    for path in small_fashion.write().glob("*.gz"):
        path.rename(folder / path.name)
    monkeypatch.setattr(fashion_mnist, "URL", f"{url}/")
    assert np.array_equal(fashion_mnist.load({"download": True}).images, small_fashion.images)
    for path in folder.iterdir():
        path.unlink()
    assert np.array_equal(fashion_mnist.load({"download": True}).labels, small_fashion.labels)
    (decoded,) = (tmp_path / "default-cache").iterdir()
    assert {p.name for p in decoded.iterdir()} == {"description.json", "images.npy", "labels.npy"}


def test_without_a_connection_the_remedy_is_told(small_fashion, offline_url, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "URL", f"{offline_url}/")
    with pytest.raises(
        DataError, match=r"could not be downloaded \(.*\): apt-get install dataset-"
    ):
        fashion_mnist.load({"download": True})


def test_nothing_may_be_downloaded(small_fashion):
    message = r"Fashion-MNIST is not in .*no-package.*download is false: apt-get install dataset-"
    with pytest.raises(DataError, match=message):
        fashion_mnist.load(OFFLINE)


@pytest.mark.parametrize("damage", ["cut", "no gzip", "another data set"])
def test_a_damaged_file_is_named(small_fashion, damage):
    root = small_fashion.write(packed=damage != "another data set")
    suffix = "" if damage == "another data set" else ".gz"
    path = root / f"t10k-images-idx3-ubyte{suffix}"
    content = path.read_bytes()
    changed = {"cut": content[:-20], "no gzip": b"x" * 30, "another data set": content[:-1] + b"!"}
    path.write_bytes(changed[damage])
    with pytest.raises(DataError, match=rf"{path} (is damaged|unpacks to sha256) .*fetch it again"):
        fashion_mnist.load({"root": str(root), **OFFLINE})


def test_a_file_of_three_is_not_enough(small_fashion):
    root = small_fashion.write()
    (root / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"Fashion-MNIST is not in"):
        fashion_mnist.load({"root": str(root), **OFFLINE})


# --- the real images ----------------------------------------------------------------------------


def test_what_is_downloaded_is_what_torchvision_downloads():
    theirs = {name.removesuffix(".gz"): md5 for name, md5 in FashionMNIST.resources}
    assert theirs == {name: md5 for name, (md5, _) in fashion_mnist.FILES.items()}
    assert fashion_mnist.URL in FashionMNIST.mirrors


def test_the_real_images(tmp_path):
    """Of Debian's package; torchvision reads the same from it."""
    if not fashion_mnist.DEBIAN.is_dir():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    images, labels, description = fashion_mnist.load(OFFLINE)
    assert images.shape == (70_000, 28, 28, 1)
    assert (np.bincount(labels[:60_000]) == 6_000).all()
    assert images[:60_000].mean() / 255 == pytest.approx(0.2860, abs=5e-5)
    assert description["sha256"].startswith("2cbc59191665e1ba")
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name in fashion_mnist.FILES:
        from gzip import decompress

        (raw / name).write_bytes(decompress((fashion_mnist.DEBIAN / f"{name}.gz").read_bytes()))
    for train, part in ((True, slice(0, 60_000)), (False, slice(60_000, None))):
        theirs = FashionMNIST(tmp_path, train)
        assert np.array_equal(theirs.data.numpy(), images[part, ..., 0])
        assert np.array_equal(theirs.targets.numpy(), labels[part])
