import io
import os
import tarfile
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from workloads.data import cifar10, image_tree
from workloads.task import DataError


def folder_data(root, **data):
    return {"root": str(root), "format": "image_folder", **data}


@pytest.mark.parametrize(
    "source", ["tree", "tar.xz", "tar.gz", "official batches", "official archive"]
)
def test_every_source_gives_the_same_arrays(small_cifar, monkeypatch, source):
    if source == "tree":
        data = folder_data(small_cifar.write_tree())
        label = "CIFAR-10 (PNG copy)"
    elif source.startswith("tar"):
        data = folder_data(small_cifar.write_tar(source[4:]).parent)
        label = "CIFAR-10 (PNG copy)"
    elif source == "official batches":
        data = {"root": str(small_cifar.write_official(monkeypatch)), "format": "official"}
        label = "CIFAR-10 (official)"
    else:
        archive = small_cifar.write_official_archive(monkeypatch)
        data = {"root": str(archive.parent), "format": "official"}
        label = "CIFAR-10 (official)"
    decoded = cifar10.load(data)
    assert np.array_equal(decoded.images, small_cifar.images)
    assert np.array_equal(decoded.labels, small_cifar.labels)
    assert decoded.images.dtype == decoded.labels.dtype == np.uint8
    assert isinstance(decoded.images, np.memmap)
    assert decoded.description["label"] == label


def test_the_official_archive_is_downloaded_once(small_cifar, online, tmp_path, monkeypatch):
    folder, url = online
    archive = small_cifar.write_official_archive(monkeypatch).rename(folder / "archive")
    monkeypatch.setattr(cifar10, "OFFICIAL", cifar10.OFFICIAL._replace(url=f"{url}/archive"))
    data = {"format": "official", "download": True}
    assert np.array_equal(cifar10.load(data).images, small_cifar.images)
    archive.unlink()
    assert np.array_equal(cifar10.load(data).labels, small_cifar.labels)
    (decoded,) = (tmp_path / "default-cache").iterdir()
    assert sorted(p.name for p in decoded.iterdir()) == [
        "description.json",
        "images.npy",
        "labels.npy",
    ]


LEFT_BEHIND = (
    "train/frog/._0024.png",  # AppleDouble: what a Mac writes beside a file on other disks
    "train/.DS_Store",
    "train/frog/.0024.png",
    "train/.ipynb_checkpoints/0024.png",
    ".Trashes/train/frog/0024.png",
    "__MACOSX/train/frog/0024.png",
    "__MACOSX/train/frog/._0024.png",
    "train/__MACOSX/frog/0024.png",
    "train/frog/__MACOSX/0024.png",
    "train/._frog/0024.png",
    "train/Thumbs.db",
)


def test_what_systems_leave_in_a_tree_is_ignored(small_cifar):
    tree = small_cifar.write_tree()
    first, listing = cifar10.load(folder_data(tree)), image_tree.listing_hash(tree)
    for name in LEFT_BEHIND:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(b"\x00\x05\x16\x07")
    assert image_tree.listing_hash(tree) == listing
    images, _, kind = image_tree.decode(tree, cifar10.CLASSES, cifar10.SIZES)
    assert np.array_equal(images, first.images)
    assert kind == "PNG copy"


@pytest.mark.parametrize("prefix", ["", "./", "cifar10/", "/home/x/"])
def test_what_systems_leave_in_a_tar_is_ignored(small_cifar, prefix):
    tree = small_cifar.write_tree()
    path = tree / "cifar10.tar"
    with tarfile.open(path, "w") as tar:
        for name in LEFT_BEHIND:
            member = tarfile.TarInfo(prefix + name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"\x00\x05\x16\x07"))
        for image in tree.rglob("*.png"):
            with open(image, "rb") as file:
                member = tar.gettarinfo(fileobj=file)
                member.name = f"{prefix}{image.relative_to(tree)}"
                tar.addfile(member, file)
    assert np.array_equal(cifar10.load(folder_data(path)).images, small_cifar.images)


def test_a_tree_may_itself_lie_in_a_hidden_folder(small_cifar, tmp_path):
    hidden = tmp_path / ".data"
    small_cifar.write_tree().rename(hidden)
    assert len(cifar10.load(folder_data(hidden)).images) == 60


def test_a_tar_file_itself_can_be_the_root(small_cifar):
    assert np.array_equal(
        cifar10.load(folder_data(small_cifar.write_tar())).images, small_cifar.images
    )


@pytest.mark.parametrize("quality", [75, 90])
def test_a_jpeg_copy_is_labelled_with_its_quality(small_cifar, quality):
    tree = small_cifar.write_tree("jpg", quality=quality)
    assert (
        cifar10.load(folder_data(tree)).description["label"] == f"CIFAR-10 (JPEG q{quality} copy)"
    )


def test_the_sha256_is_of_the_pixels_whatever_the_source(small_cifar, monkeypatch):
    tree = cifar10.load(folder_data(small_cifar.write_tree())).description
    official = {"root": str(small_cifar.write_official(monkeypatch)), "format": "official"}
    assert tree["sha256"] == cifar10.load(official).description["sha256"]


def test_the_second_time_nothing_is_decoded(small_cifar, monkeypatch):
    data = folder_data(small_cifar.write_tree())
    first = cifar10.decoded_folder(data)
    monkeypatch.setattr(image_tree, "decode", None)
    assert cifar10.decoded_folder(data) == first


def test_a_changed_source_is_decoded_again(small_cifar):
    tree = small_cifar.write_tree()
    first = cifar10.decoded_folder(folder_data(tree))
    changed = tree / "train" / "frog" / "0024.png"
    Image.fromarray(255 - small_cifar.images[24]).save(changed)
    second = cifar10.decoded_folder(folder_data(tree))
    assert second != first
    images = cifar10.load(folder_data(tree)).images
    assert np.array_equal(images[24], 255 - small_cifar.images[24])


def test_the_cache_lies_in_data_cache_and_nothing_in_the_root(small_cifar, tmp_path):
    tar = small_cifar.write_tar()
    folder = cifar10.decoded_folder(folder_data(tar.parent, cache=str(tmp_path / "cache")))
    assert folder.parent == tmp_path / "cache"
    assert list(tar.parent.iterdir()) == [tar]
    assert list(folder.parent.iterdir()) == [folder]


def test_the_official_root_is_not_written_to(small_cifar, monkeypatch, tmp_path):
    archive = small_cifar.write_official_archive(monkeypatch)
    cifar10.decoded_folder({"root": str(archive.parent), "format": "official"})
    assert list(archive.parent.iterdir()) == [archive]


# --- what can be wrong with it ------------------------------------------------------------------


def test_a_missing_image_is_counted(small_cifar):
    tree = small_cifar.write_tree()
    (tree / "test" / "truck" / "0059.png").unlink()
    with pytest.raises(DataError, match=r"test/ holds 19 images of 10 classes instead of 20 of"):
        cifar10.decoded_folder(folder_data(tree))


def test_other_classes_are_refused(small_cifar):
    tree = small_cifar.write_tree()
    (tree / "train" / "frog").rename(tree / "train" / "toad")
    with pytest.raises(DataError, match=r"train/ holds .* instead of 40 of airplane, automobile"):
        cifar10.decoded_folder(folder_data(tree))


@pytest.mark.parametrize("damage", ["truncated", "no image", "other size"])
def test_a_damaged_image_is_named(small_cifar, damage):
    path = small_cifar.write_tree() / "train" / "frog" / "0024.png"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:1000])
    elif damage == "no image":
        path.write_bytes(b"not an image")
    else:
        Image.new("RGB", (31, 32)).save(path)
    with pytest.raises(DataError, match=r"train/frog/0024\.png cannot be read \(.*\): fetch"):
        cifar10.decoded_folder(folder_data(path.parents[2]))


@pytest.mark.parametrize("compression", ["xz", "gz"])
def test_a_truncated_tar_is_damaged(small_cifar, compression):
    path = small_cifar.write_tar(compression)
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(DataError, match=r"tar\.\w\w is damaged \(.*\): fetch it again"):
        cifar10.decoded_folder(folder_data(path))


def test_a_file_that_is_no_tar_is_damaged(tmp_path):
    path = tmp_path / "cifar10-images.tar.xz"
    path.write_bytes(b"not a tar")
    with pytest.raises(DataError, match="is damaged"):
        cifar10.decoded_folder(folder_data(tmp_path))


def test_a_tar_never_writes_outside_the_cache(small_cifar, tmp_path):
    path = small_cifar.write_tar()
    image = io.BytesIO()
    Image.fromarray(small_cifar.images[0]).save(image, "PNG")
    with tarfile.open(path, "w:xz") as tar:
        for name in ("../../train/frog/evil.png", "/tmp/train/frog/evil.png"):
            member = tarfile.TarInfo(name)
            member.size = len(image.getvalue())
            tar.addfile(member, io.BytesIO(image.getvalue()))
        link = tarfile.TarInfo("train/frog/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="train/ holds 2 images"):  # the link is not followed
        cifar10.decoded_folder(folder_data(path))
    new = set(tmp_path.rglob("*")) - set(before)
    assert new == {tmp_path / "default-cache"}


def test_a_folder_without_images_says_what_was_looked_for(tmp_path):
    message = r"holds neither train/ and test/ nor cifar10\*\.tar\*.*HARNESS_DATA_ROOT"
    with pytest.raises(DataError, match=message):
        cifar10.decoded_folder(folder_data(tmp_path))


def test_the_official_archive_may_not_be_downloaded(tmp_path):
    message = r"neither cifar-10-batches-py nor .*data\.download is false: .*format=image_folder"
    with pytest.raises(DataError, match=message):
        cifar10.decoded_folder({"root": str(tmp_path), "format": "official", "download": False})


def test_without_a_connection_the_remedy_is_told(tmp_path, offline_url, monkeypatch):
    monkeypatch.setattr(cifar10, "OFFICIAL", cifar10.OFFICIAL._replace(url=offline_url))
    message = r"could not be downloaded \(.*\): put .*data\.format=image_folder"
    with pytest.raises(DataError, match=message):
        cifar10.decoded_folder({"format": "official", "download": True})
    assert list((tmp_path / "default-cache").iterdir()) == []


def test_a_damaged_archive_is_neither_read_nor_replaced(small_cifar, monkeypatch):
    archive = small_cifar.write_official_archive(monkeypatch)
    archive.write_bytes(b"half a download")
    with pytest.raises(DataError, match=r"tar\.gz is damaged \(.*\): fetch"):
        cifar10.decoded_folder(
            {"root": str(archive.parent), "format": "official", "download": True}
        )
    assert archive.read_bytes() == b"half a download"


def test_a_damaged_batch_is_refused(small_cifar, monkeypatch):
    root = small_cifar.write_official(monkeypatch)
    batch = root / "cifar-10-batches-py" / "data_batch_1"
    batch.write_bytes(batch.read_bytes()[:-1])
    message = r"cifar-10-batches-py is damaged \(.*\): fetch it again"
    for break_further in (lambda: None, batch.unlink):
        break_further()
        with pytest.raises(DataError, match=message):
            cifar10.decoded_folder({"root": str(root), "format": "official"})


def test_a_link_to_nowhere_is_named(small_cifar):
    path = small_cifar.write_tree() / "train" / "frog" / "0024.png"
    path.unlink()
    path.symlink_to("gone.png")
    with pytest.raises(DataError, match=rf"{path} cannot be read \(No such file.*: give a copy"):
        cifar10.decoded_folder(folder_data(path.parents[2]))


def test_a_name_that_is_no_unicode_is_a_name(small_cifar):
    path = small_cifar.write_tree() / "train" / "frog" / "0024.png"
    path.rename(os.fsdecode(bytes(path.parent) + b"/0024\xff.png"))
    assert len(cifar10.load(folder_data(path.parents[2])).images) == 60


def test_a_damaged_cache_names_the_folder_to_delete(small_cifar):
    data = folder_data(small_cifar.write_tree())
    folder = cifar10.decoded_folder(data)
    (folder / "images.npy").write_bytes(b"\x93NUMPY damaged")
    with pytest.raises(DataError, match=rf"{folder} is damaged .*: delete it"):
        cifar10.load(data)


# --- the real images ----------------------------------------------------------------------------


def test_the_first_real_images_are_jpegs_of_quality_75(real_data):
    files = dict(islice(image_tree.image_files(real_data("cifar10-images.tar.xz")), 40))
    assert next(iter(files)).as_posix() == "train/airplane/0000.jpg"
    for content in files.values():
        image = Image.open(io.BytesIO(content))
        assert image.size == (32, 32)
        assert image_tree.kind_of(image) == "JPEG q75 copy"
    spread = np.std([np.asarray(Image.open(io.BytesIO(content))) for content in files.values()])
    assert 40 < spread < 90  # photographs, not blanks


@pytest.mark.slow  # 10 s to decode
def test_all_real_images(real_data):
    from workloads import cifar10_resnet32

    data = folder_data(real_data("cifar10-images.tar.xz"))
    images, labels, _ = cifar10.load(data)
    assert images.shape == (60_000, 32, 32, 3)
    assert (np.bincount(labels[:50_000]) == 5_000).all()
    mean = images[:50_000].mean(axis=(0, 1, 2))
    std = images[:50_000].std(axis=(0, 1, 2))
    assert np.abs(mean - cifar10.MEAN).max() < 1
    assert np.abs(std - cifar10.STD).max() < 2  # JPEG blurs a little
    task = cifar10_resnet32.load(data, {"depth": 8, "width": 2}, 128, "cpu")
    splits = task._splits
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [
        45_000,
        5_000,
        10_000,
    ]
    assert (np.bincount(labels[splits["validation"]]) == 500).all()
