"""Image files to pixels, by several processes ahead of the training."""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from workloads.task import DataError

if TYPE_CHECKING:  # a decoder needs no torch, which takes seconds and 300 MB
    import torch

CHUNK = 64  # images that a process decodes at a time
AHEAD = 2  # minibatches that are decoded or being decoded: the queue is bounded by it
RESIZE = 256 / 224  # an image's shorter side relative to the centre that is seen of it
AREA, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)  # of a random crop

Box = tuple[int, int, int, int]
"""Left, top, right and bottom."""


class View(NamedTuple):
    """What is made of image files.

    size: pixels of the square that comes out; seeds: one an image for its random crop and
    mirroring, None for the centre.
    """

    size: int
    seeds: np.ndarray | None


def decoded(tree: str, paths: np.ndarray, view: View) -> np.ndarray:
    """[images, size, size, 3] uint8, of files in a tree.

    As usual for ImageNet: in training a crop of 8 to 100 % of the area, its sides as 3:4 to 4:3,
    resized and mirrored at random; else the shorter side resized to 256/224 of the size, and the
    centre. Images of grey or CMYK become RGB.

    Raises:
        DataError: when a file is no image, or a damaged one.
    """
    from PIL import Image

    pixels = np.empty((len(paths), view.size, view.size, 3), np.uint8)
    for row, path in enumerate(paths):
        name = os.path.join(tree, os.fsdecode(path))
        try:
            with Image.open(name) as file:
                image = file.convert("RGB")
        # Pillow raises all of them.
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(f"{name} cannot be read ({error}): fetch or remove it") from None
        random = None if view.seeds is None else np.random.default_rng(view.seeds[row])
        seen = centre(image.size) if random is None else random_crop(image.size, random)
        image = image.crop(seen).resize((view.size, view.size), Image.Resampling.BILINEAR)
        mirrored = random is not None and random.random() < 0.5
        pixels[row] = np.asarray(image)[:, ::-1] if mirrored else np.asarray(image)
    return pixels


def centre(size: tuple[int, int]) -> Box:
    """The square in the middle whose side is 224/256 of an image's shorter one."""
    side = round(min(size) / RESIZE)
    left, top = ((length - side) // 2 for length in size)
    return left, top, left + side, top + side


def random_crop(size: tuple[int, int], random: np.random.Generator) -> Box:
    """8 to 100 % of the area, sides as 3:4 to 4:3 (uniform in log), anywhere inside.

    As in GoogLeNet (Szegedy et al., arXiv:1409.4842); after ten draws that do not fit, the largest
    in the middle that does.
    """
    width, height = size
    for _ in range(10):
        area = width * height * random.uniform(*AREA)
        ratio = math.exp(random.uniform(*np.log(RATIO)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = (int(random.integers(free + 1)) for free in (width - w, height - h))
            return left, top, left + w, top + h
    w = min(width, round(height * RATIO[1]))
    h = min(height, round(width / RATIO[0]))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


class Decoders:
    """Some processes, started when they are first needed; they end with this one."""

    def __init__(self, tree: Path, count: int) -> None:
        self.tree, self.count = str(tree), count
        self._pool: ProcessPoolExecutor | None = None

    def begin(self, paths: np.ndarray, view: View) -> list[Future[np.ndarray]]:
        """Images in the making."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.count, mp_context=get_context("spawn"), initializer=_end_with_parent
            )
        chunks = []
        for start in range(0, len(paths), CHUNK):
            part = slice(start, start + CHUNK)
            seeds = None if view.seeds is None else view.seeds[part]
            chunks.append(
                self._pool.submit(decoded, self.tree, paths[part], View(view.size, seeds))
            )
        return chunks

    def ended(self, chunks: list[Future[np.ndarray]]) -> torch.Tensor:
        """Images [images, size, size, 3] uint8, waited for.

        Raises:
            DataError: a file is damaged.
            RuntimeError: a process died, for want of memory perhaps.
        """
        import torch

        try:
            return torch.from_numpy(np.concatenate([chunk.result() for chunk in chunks]))
        except BrokenProcessPool as error:
            self._pool = None
            raise RuntimeError("a process that decodes images died") from error

    def each(self, parts: Iterable[tuple[np.ndarray, View]]) -> Iterator[torch.Tensor]:
        """Images of each part in turn, some parts ahead."""
        waiting: deque[list[Future[Any]]] = deque()
        try:
            for paths, view in parts:
                waiting.append(self.begin(paths, view))
                if len(waiting) > AHEAD:
                    yield self.ended(waiting.popleft())
            while waiting:
                yield self.ended(waiting.popleft())
        finally:
            for chunks in waiting:
                for chunk in chunks:
                    chunk.cancel()


def _end_with_parent() -> None:
    """One that is killed closes no queue: without this its decoders would wait for ever."""

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
