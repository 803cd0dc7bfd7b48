"""Sentences of the One Billion Word benchmark (Chelba et al., arXiv:1312.3005) as subword tokens.

The shards of the official archive, one sentence a line, wherever they lie under the data root. The
vocabulary is learned from the training shards by byte-level BPE (`tokenizers`), and the sentences
are encoded once, shard by shard, into arrays that every process maps.
"""

from __future__ import annotations

import fnmatch
import hashlib
import itertools
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from workloads.data.folders import (
    cache_folder,
    data_root,
    sha256_of_file,
    unreadable,
    written_whole,
)
from workloads.settings import PATH, POSITIVE, Rule, read
from workloads.task import DataError

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Tokenizer

log = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")
END = 0  # the token before and after every sentence
BYTES = 256  # the smallest vocabulary: every byte, and END
LARGEST = 2**16  # tokens are stored in 16 bits
LINES_AT_ONCE = 10_000

PATTERN = Rule(
    "a file name or a pattern such as news.en-*", lambda v: isinstance(v, str) and v != ""
)
VOCABULARY = Rule(
    f"a whole number from {BYTES + 1} to {LARGEST}",
    lambda v: POSITIVE.holds(v) and BYTES < v <= LARGEST,
)
DATA = {
    "root": PATH,
    "cache": PATH,
    **dict.fromkeys(SPLITS, PATTERN),
    "vocabulary": VOCABULARY,
    "longest": POSITIVE,
}


class Sentences(NamedTuple):
    """One split.

    tokens: [tokens] uint16, sentence after sentence, each with END behind it; ends: [sentences]
    int64, where each stops.
    """

    tokens: np.ndarray
    ends: np.ndarray


class Encoded(NamedTuple):
    splits: dict[str, Sentences]
    description: dict[str, Any]  # label, sha256, source, shards of each split


def prepare(data: Mapping[str, Any]) -> Path:
    """The folder of the encoded sentences, encoding them first if nobody has.

    It is named by the shards' names and sizes, the vocabulary and the longest sentence.

    Args:
        data: root, cache; train, validation and test, the shards' names or patterns; vocabulary,
            its size; longest, the tokens of a sentence that are kept, END among them.

    Raises:
        DataError: when shards are missing, in two splits, empty or no text, or `tokenizers` is not installed.
    """
    settings = read("data", data, **DATA)
    shards = find(settings)
    facts = {
        "shards": {
            split: [[path.name, path.stat().st_size] for path in paths]
            for split, paths in shards.items()
        },
        "vocabulary": settings.vocabulary,
        "longest": settings.longest,
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    folder = cache_folder(settings.cache) / f"lm1b-{digest[:16]}"
    if folder.is_dir():
        return folder
    with written_whole(folder) as scratch:
        new = scratch / folder.name
        new.mkdir()
        log.info("learning a vocabulary and encoding sentences into %s (once)", folder)
        tokenizer = _learned(shards["train"], settings.vocabulary)
        tokenizer.save(str(new / "tokenizer.json"))
        for split, paths in shards.items():
            _encode(tokenizer, paths, settings.longest, new / split)
        arrays = sorted(new.glob("*/*.npy"))
        together = hashlib.sha256("".join(map(sha256_of_file, arrays)).encode()).hexdigest()
        description = {"label": _label(shards), "sha256": together, **facts}
        (new / "description.json").write_text(json.dumps(description, indent=2))
    return folder


def load(folder: Path) -> Encoded:
    """The splits of a folder that is `prepare`d, memory-mapped.

    Raises:
        DataError: when it is damaged.
    """
    import numpy as np

    try:
        splits = {
            split: Sentences(
                np.load(folder / split / "tokens.npy", mmap_mode="r"),
                np.load(folder / split / "ends.npy", mmap_mode="r"),
            )
            for split in SPLITS
        }
        description = json.loads((folder / "description.json").read_text())
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{folder} is damaged ({error}): delete it to encode again") from error
    return Encoded(splits, description)


def find(settings: SimpleNamespace) -> dict[str, list[Path]]:
    """The shards of each split, in the order of their names.

    Raises:
        DataError: when a split has none, or shares one with another.
    """
    root = data_root(settings.root, settings.cache)
    files = sorted(
        (Path(folder) / name for folder, _, names in os.walk(root) for name in names),
        key=lambda path: (path.name, path),
    )
    shards = {}
    for split in SPLITS:
        pattern = getattr(settings, split)
        found = [path for path in files if fnmatch.fnmatchcase(path.name, pattern)]
        if not found:
            raise DataError(
                f"no shard named {pattern} under {root} for data.{split}: unpack the One Billion Word "
                f"archive there (statmt.org/lm-benchmark), or name the shards you have with data.{split}="
            )
        shards[split] = list({path.name: path for path in reversed(found)}.values())[::-1]
    for one, other in itertools.combinations(SPLITS, 2):
        if shared := set(shards[one]) & set(shards[other]):
            raise DataError(
                f"{min(shared).name} is in data.{one} and in data.{other}: give each its own shards"
            )
    return shards


def _learned(shards: Sequence[Path], size: int) -> Tokenizer:
    """Byte-level BPE of the training shards; the same on every machine."""
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    except ImportError:
        raise DataError(
            "lm1b_transformer learns its vocabulary with tokenizers, which is not installed: "
            "pip install tokenizers"
        ) from None
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["</s>"],  # id END
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    lines = (line for shard in shards for lines in _lines(shard) for line in lines)
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def _encode(tokenizer: Tokenizer, shards: Sequence[Path], longest: int, folder: Path) -> None:
    """Write tokens.npy and ends.npy; a few thousand sentences are in memory at a time."""
    import numpy as np

    folder.mkdir()
    ends: list[np.ndarray] = []
    total = 0
    with open(folder / "raw", "wb") as raw:
        for shard in shards:
            for lines in _lines(shard):
                kept = [[*each.ids[: longest - 1], END] for each in tokenizer.encode_batch(lines)]
                lengths = np.array([len(each) for each in kept])
                ends.append(total + lengths.cumsum())
                total += int(lengths.sum())
                np.concatenate(kept).astype(np.uint16).tofile(raw)
    tokens = np.lib.format.open_memmap(folder / "tokens.npy", "w+", np.uint16, (total,))
    if total:
        tokens[:] = np.memmap(folder / "raw", np.uint16, "r")
    tokens.flush()
    (folder / "raw").unlink()
    np.save(folder / "ends.npy", np.concatenate(ends or [np.array([], np.int64)]))


def _lines(shard: Path) -> Iterator[list[str]]:
    """The sentences of a shard, some thousands at a time; empty lines are none.

    Raises:
        DataError: when it cannot be read or is no UTF-8.
    """
    try:
        with open(shard, encoding="utf-8") as file:
            while lines := list(itertools.islice(file, LINES_AT_ONCE)):
                yield [line.strip() for line in lines if line.strip()]
    except UnicodeDecodeError as error:
        raise DataError(
            f"{shard} is no UTF-8 text ({error.reason}): give an unpacked shard"
        ) from error
    except OSError as error:
        raise unreadable(shard, error) from error


def _label(shards: Mapping[str, Sequence[Path]]) -> str:
    count = {
        split: f"{len(paths)} shard{'' if len(paths) == 1 else 's'}"
        for split, paths in shards.items()
    }
    return "LM1B: " + ", ".join(f"{split} {words}" for split, words in count.items())
