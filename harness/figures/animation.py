"""A drawing of trajectories as an animation: GIF, and MP4 where ffmpeg is."""

from __future__ import annotations

import shutil
from pathlib import Path

from matplotlib.animation import AbstractMovieWriter, FFMpegWriter, PillowWriter

from harness.figures.landscapes import Drawing

FRAMES, FRAMES_A_SECOND, STILL_FRAMES = 48, 12, 8
DOTS_PER_INCH, WIDEST = 80, 640  # pixels


def write(drawing: Drawing, stem: Path) -> list[Path]:
    """``stem.gif``, and ``stem.mp4`` where ffmpeg can be found; the paths written."""
    writers: dict[str, AbstractMovieWriter] = {".gif": PillowWriter(fps=FRAMES_A_SECOND)}
    if shutil.which("ffmpeg"):
        writers[".mp4"] = FFMpegWriter(fps=FRAMES_A_SECOND)
    drawing.show(drawing.steps)
    drawing.figure.draw_without_rendering()
    drawing.figure.set_layout_engine("none")  # laid out once, not for each frame
    dots = min(DOTS_PER_INCH, WIDEST / drawing.figure.get_figwidth())
    for ending, writer in writers.items():
        with writer.saving(drawing.figure, str(stem.with_suffix(ending)), dots):
            for step in frames(drawing.steps):
                drawing.show(step)
                writer.grab_frame()
    return [stem.with_suffix(ending) for ending in writers]


def frames(steps: int) -> list[int]:
    """The steps shown: all at first, where most happens, then every so many; then it stands still.

    >>> frames(10)[:12]
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]
    """
    if steps < FRAMES:
        moving = list(range(steps + 1))
    else:
        share = [place / (FRAMES - 1) for place in range(FRAMES)]
        moving = sorted({round(steps * each**1.6) for each in share})
    return moving + [steps] * STILL_FRAMES
