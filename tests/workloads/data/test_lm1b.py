"""The loader of the One Billion Word benchmark, on shards that are made here."""

import hashlib

import numpy as np
import pytest

from tests.workloads.conftest import made_shards
from workloads.data import lm1b
from workloads.task import DataError

tokenizers = pytest.importorskip("tokenizers")


@pytest.fixture
def data(tmp_path):
    return made_shards(tmp_path)


def encoded(data):
    return lm1b.load(lm1b.prepare(data))


def test_every_sentence_is_there_in_order_and_ends(data, tmp_path):
    found = encoded(data)
    tokenizer = tokenizers.Tokenizer.from_file(str(lm1b.prepare(data) / "tokenizer.json"))
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    shards = sorted((tmp_path / "archive").rglob("train-*"), key=lambda path: path.name)
    lines = [line for shard in shards for line in shard.read_text().splitlines() if line]
    tokens, ends = found.splits["train"]
    assert len(ends) == len(lines)
    start = 0
    for line, end in zip(lines, ends, strict=True):
        assert tokens[end - 1] == lm1b.END
        if end - start < data["longest"]:
            assert tokenizer.decode(tokens[start : end - 1].tolist()).strip() == line
        start = end
    assert np.diff(ends, prepend=0).max() == data["longest"]  # a long one is cut


def test_the_same_bits_in_another_cache_and_in_pieces(data, tmp_path, monkeypatch):
    first = encoded(data).description["sha256"]
    monkeypatch.setattr(lm1b, "LINES_AT_ONCE", 7)
    assert encoded(data | {"cache": str(tmp_path / "other")}).description["sha256"] == first
    arrays = sorted((lm1b.prepare(data)).glob("*/*.npy"))
    hashes = "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in arrays)
    assert hashlib.sha256(hashes.encode()).hexdigest() == first


def test_the_vocabulary_is_that_of_the_training_shards(data):
    one, other = (encoded(data | {"vocabulary": size}) for size in (300, 400))
    assert one.splits["train"].tokens.max() < 300 <= other.splits["train"].tokens.max()
    assert len(one.splits["test"].tokens) > len(other.splits["test"].tokens)


def test_arrays_are_mapped(data):
    assert isinstance(encoded(data).splits["train"].tokens, np.memmap)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train": "no-*"}, r"no shard named no-\* under .* for data.train: unpack .*, or name"),
        ({"test": "valid-0"}, r"valid-0 is in data.validation and in data.test: give each its own"),
        ({"vocabulary": 100}, r"data.vocabulary must be a whole number from 257 to 65536, not 100"),
        ({"longest": 0}, r"data.longest must be a whole number of at least 1, not 0"),
        (
            {"train": None},
            r"data.train must be a file name or a pattern such as news.en-\*, not null",
        ),
    ],
)
def test_what_is_wrong_is_one_line(data, changed, message):
    with pytest.raises(DataError, match=message):
        lm1b.prepare(data | changed)


def test_a_packed_shard_is_named_and_leaves_nothing(data, tmp_path):
    (tmp_path / "archive" / "train-9").write_bytes(b"\x1f\x8b\x08\xff\xfe")
    with pytest.raises(DataError, match=r"train-9 is no UTF-8 text .*: give an unpacked shard"):
        lm1b.prepare(data)
    assert not list((tmp_path / "cache").iterdir())


def test_a_damaged_copy_says_how_to_mend_it(data):
    folder = lm1b.prepare(data)
    (folder / "test" / "ends.npy").write_bytes(b"half")
    with pytest.raises(DataError, match=r"is damaged .*: delete it to encode again"):
        lm1b.load(folder)


def test_without_tokenizers_the_remedy_is_named(data, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(DataError, match="not installed: pip install tokenizers"):
        lm1b.prepare(data)


def test_the_real_shards(real_data, tmp_path):
    names = {"train": "news.en.heldout-00010-of-00050", "validation": "news.en.heldout-00011-of-00050",
             "test": "news.en.heldout-00012-of-00050"}  # fmt: skip
    root = str(real_data("lm1b"))
    found = encoded(
        {"root": root, "cache": str(tmp_path), "vocabulary": 1000, "longest": 64} | names
    )
    assert len(found.splits["train"].ends) == 6111
