"""Photographs decoded ahead by processes, from trees and archives that are made here."""

import contextlib
import io
import json
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import ks_2samp

from tests.workloads.conftest import made_photographs
from workloads import imagenet_resnet50
from workloads.data import photographs
from workloads.task import DataError
from workloads.tasks.decoders import AREA, RATIO, View, decoded, random_crop


@pytest.fixture
def data(tmp_path):
    return made_photographs(tmp_path)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    return made_photographs(tmp_path_factory.mktemp("lasting"))


@pytest.fixture(scope="module")
def task(lasting):
    """One for all tests that damage nothing: its processes take seconds to start."""
    return imagenet_resnet50.load(lasting, {"depth": 18}, 6, "cpu")


def test_parameter_counts_and_operations():
    import torchvision
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        model = torchvision.models.resnet50(num_classes=1000, zero_init_residual=True)
        assert sum(p.numel() for p in model.parameters()) == 25_557_032
        with FlopCounterMode(display=False) as counter:
            model.eval()(torch.empty(1, 3, 224, 224))
    assert counter.get_total_flops() / 2 == pytest.approx(
        4.09e9, rel=0.01
    )  # torchvision's own figure


def test_the_last_batch_norm_of_a_block_starts_at_zero(task):
    torch.manual_seed(0)
    model = task.model()
    assert not model.layer1[0].bn2.weight.any()
    assert model.layer1[0].bn1.weight.all()


def test_splits_hold_out_as_many_of_each_class(task, lasting):
    listing = photographs.load(lasting)
    held_out = task._splits["validation"]
    assert np.bincount(listing.labels[held_out]).tolist() == [2, 2]
    assert not set(held_out) & set(task._order.examples.tolist())
    assert all(listing.paths[i].startswith(b"train/") for i in held_out)
    assert all(listing.paths[i].startswith(b"val/") for i in task._splits["test"])
    assert task.data_description["test"] == 4


def test_minibatches_depend_on_seed_and_step_alone(task, lasting):
    """Ahead, begun anew in the middle, and by another count of processes."""
    ahead = [task.minibatch(step, 5) for step in range(4)]
    again = imagenet_resnet50.load(lasting | {"decoders": 2}, {"depth": 18}, 6, "cpu")
    for step in (2, 3, 1):
        for one, other in zip(ahead[step], again.minibatch(step, 5), strict=True):
            assert torch.equal(one, other)
    assert not torch.equal(ahead[0][0], task.minibatch(0, 6)[0])


def test_labels_are_those_of_the_folders(task):
    """Class b is nearly white, class a nearly black; so are the inputs, however cropped."""
    inputs, labels = task.minibatch(0, 1)
    assert inputs.shape == (6, 3, 32, 32)
    assert ((inputs.mean((1, 2, 3)) > 0) == (labels == 1)).all()


def test_the_centre_is_cut_of_what_is_resized(tmp_path):
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 40:] = 255
    Image.fromarray(pixels).save(tmp_path / "half.png")
    cut = decoded(str(tmp_path), np.array([b"half.png"]), View(28, None))[0]
    assert cut.shape == (28, 28, 3)
    assert cut[:, :12].max() == 0
    assert cut[:, 16:].min() == 255


def test_random_crops_are_torchvisions_in_distribution():
    """Quantiles of width, height and corner over ten thousand draws."""
    from torchvision.transforms import RandomResizedCrop

    torch.manual_seed(0)
    image, random = torch.empty(3, 60, 100), np.random.default_rng(0)
    theirs = [RandomResizedCrop.get_params(image, AREA, RATIO) for _ in range(10_000)]
    top, left, height, width = np.array(theirs).T
    ours = np.array([random_crop((100, 60), random) for _ in range(10_000)]).T
    for one, other in ((left, ours[0]), (top, ours[1]), (width, ours[2] - ours[0]),
                       (height, ours[3] - ours[1])):  # fmt: skip
        assert ks_2samp(one, other).pvalue > 1e-3


def test_a_crop_lies_inside_a_sliver_too():
    left, top, right, bottom = random_crop((400, 3), np.random.default_rng(0))
    assert 0 <= left < right <= 400
    assert (top, bottom) == (0, 3)


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA", "P"])
def test_other_colours_become_rgb(tmp_path, mode):
    name = "image.jpg" if mode in ("L", "CMYK") else "image.png"
    Image.new("RGB", (9, 9), (200, 200, 200)).convert(mode).save(tmp_path / name)
    pixels = decoded(str(tmp_path), np.array([name.encode()]), View(8, None))
    assert pixels.shape == (1, 8, 8, 3)
    assert pixels.mean() == pytest.approx(200, abs=6)


def test_a_damaged_file_is_named_and_the_rest_goes_on(data, tmp_path):
    task = imagenet_resnet50.load(data, {"depth": 18}, 6, "cpu")
    victim = tmp_path / "photographs" / "val" / "b" / "1.jpg"
    victim.write_bytes(victim.read_bytes()[:40])
    model = task.model()
    with pytest.raises(DataError, match=r"val/b/1\.jpg cannot be read \(.*\): fetch or remove it"):
        task.evaluate(model, "test")
    assert task.minibatch(0, 0)[0].shape[0] == 6


def test_little_is_decoded_ahead(task):
    """However many minibatches there are to come."""
    asked = []

    def parts():
        for number in range(1000):
            asked.append(number)
            yield np.array([b"train/a/0.jpg"]), View(8, None)

    images = task._decoders.each(parts())
    next(images)
    next(images)
    assert len(asked) <= 5
    images.close()


def test_evaluation_equals_one_image_at_a_time(task, lasting):
    torch.manual_seed(0)
    model = task.model().double()
    listing = photographs.load(lasting)
    losses = []
    model.eval()
    with torch.no_grad():
        for index in task._splits["validation"]:
            pixels = decoded(str(listing.tree), listing.paths[index : index + 1], View(32, None))
            logits = model(task._inputs(torch.from_numpy(pixels)).double())
            losses.append(
                torch.nn.functional.cross_entropy(logits, torch.tensor([listing.labels[index]]))
            )
    assert task.evaluate(model, "validation")[1] == pytest.approx(float(sum(losses)) / 4, rel=1e-6)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"root": "/"}, r"/ holds no train/ and val/: give the folder"),
        ({"validation": 9}, r"data.validation=9 of each class are more than half of the 12"),
        (
            {"format": "official"},
            r"ILSVRC2012_img_train.tar, .* not in .*: ImageNet's archives come",
        ),
        ({"size": 0}, r"data.size must be a whole number of at least 1, not 0"),
    ],
)
def test_what_is_wrong_is_one_line(data, changed, message):
    with pytest.raises(DataError, match=message):
        imagenet_resnet50.prepare(data | changed)


def test_a_class_in_one_part_only_is_named(data, tmp_path):
    (tmp_path / "photographs" / "val" / "b").rename(tmp_path / "photographs" / "val" / "c")
    with pytest.raises(DataError, match=r"class b is in one of train/ and val/ only"):
        imagenet_resnet50.prepare(data)


def test_the_digest_is_of_names_and_sizes(data, tmp_path):
    before = imagenet_resnet50.prepare(data)
    (tmp_path / "photographs" / "train" / "a" / "0.jpg").touch()
    assert imagenet_resnet50.prepare(data) == before
    with open(tmp_path / "photographs" / "train" / "a" / "0.jpg", "ab") as file:
        file.write(b"more")
    assert imagenet_resnet50.prepare(data) != before


LOADED = """
import json, sys
from workloads.data import photographs
photographs._images = lambda tree: sys.exit("listed again")
listing = photographs.load(json.loads(sys.argv[1]))
print(listing.train, len(listing.paths), listing.tree)
"""


def loaded_elsewhere(data):
    words = [sys.executable, "-c", LOADED, json.dumps(data)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_a_command_lists_once_and_its_workers_read_that(data, tmp_path):
    photographs.prepare(data)
    assert loaded_elsewhere(data).stdout.split() == ["12", "16", str(tmp_path / "photographs")]


def test_a_changed_tree_is_listed_anew(data, tmp_path):
    before = photographs.prepare(data)
    (tmp_path / "photographs" / "train" / "a" / "0.jpg").unlink()
    assert loaded_elsewhere(data).stderr == "listed again\n"
    after = photographs.load(data)
    assert after.train == before.train - 1
    assert after.description["sha256"] != before.description["sha256"]


def test_a_copy_of_a_tree_is_read_where_it_lies(data, tmp_path):
    before = photographs.prepare(data)
    copy = shutil.copytree(tmp_path / "photographs", tmp_path / "copy")
    shutil.rmtree(tmp_path / "photographs")
    there = data | {"root": str(copy)}
    assert photographs.load(there).description == before.description
    assert photographs.load(there).tree == copy


def test_a_damaged_note_is_no_harm(data, tmp_path):
    before = photographs.prepare(data)
    for note in (tmp_path / "cache").glob("photographs-at-*"):
        note.write_text("{")
    assert photographs.load(data).description == before.description


def test_a_read_only_cache_serves_what_is_listed(data, tmp_path, monkeypatch):
    @contextlib.contextmanager
    def refused(target):
        raise DataError("the cache folder cannot be written")
        yield

    before = photographs.prepare(data)
    monkeypatch.setattr(photographs, "written_whole", refused)
    for note in (tmp_path / "cache").glob("photographs-at-*"):
        note.unlink()
    assert photographs.load(data).description == before.description


def test_the_official_archives_are_unpacked_into_the_cache(data, tmp_path, monkeypatch):
    """A tar of tars and a flat one whose labels are in the development kit."""
    from scipy.io import savemat
    from torchvision.datasets import imagenet

    root = tmp_path / "archives"
    root.mkdir()
    photographs_of = tmp_path / "photographs"
    with tarfile.open(root / "ILSVRC2012_img_train.tar", "w") as outer:
        for name, wnid in (("a", "n001"), ("b", "n002")):
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w") as tar:
                for path in sorted((photographs_of / "train" / name).iterdir()):
                    tar.add(path, f"{wnid}_{path.name}")
            info = tarfile.TarInfo(f"{wnid}.tar")
            info.size = inner.tell()
            inner.seek(0)
            outer.addfile(info, inner)
    with tarfile.open(root / "ILSVRC2012_img_val.tar", "w") as tar:
        for number, name in enumerate(("b", "a"), 1):
            tar.add(photographs_of / "val" / name / "0.jpg", f"ILSVRC2012_val_{number:08}.JPEG")
    kit = tmp_path / "ILSVRC2012_devkit_t12" / "data"
    kit.mkdir(parents=True)
    rows = [(1, "n001", "a, x", "", 0, [], 0, 0), (2, "n002", "b", "", 0, [], 0, 0)]
    fields = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "height", "n")
    synsets = np.zeros((2, 1), dtype=[(field, object) for field in fields])
    for row, values in enumerate(rows):
        synsets[row, 0] = values
    savemat(kit / "meta.mat", {"synsets": synsets})
    (kit / "ILSVRC2012_validation_ground_truth.txt").write_text("2\n1\n")
    with tarfile.open(root / "ILSVRC2012_devkit_t12.tar.gz", "w:gz") as tar:
        tar.add(kit.parent, kit.parent.name)
    asked = data | {"root": str(root), "format": "official"}
    with pytest.raises(
        DataError, match=r"is not present in the root directory or is corrupted: fetch"
    ):
        imagenet_resnet50.prepare(asked)
    monkeypatch.setattr(imagenet, "_verify_archive", lambda *_: None)
    imagenet_resnet50.prepare(asked)
    listing = photographs.load(asked)
    assert (listing.train, len(listing.paths)) == (12, 14)
    assert listing.paths[-1].startswith(b"val/n002/")
    assert sorted(path.name for path in root.iterdir()) == sorted(photographs.ARCHIVES)
