"""Optimizers seen moving: trajectories on functions of two numbers, and how they leave a saddle.

harness landscape [workload=beale,… optimizer=sgd,… KEY=VALUE …] [--out DIR] [--no-animation]

Without words: Ruder's two pictures (Beale's function, a saddle) from our own runs, the five functions
with every optimizer tuned on each, and the steps to leave the saddle. With workload= or optimizer=
only these, tuned; KEY=VALUE is as for a run (num_trials=64, workload.steps=50, schedule=linear). Into
DIR (default results/landscape):

    ruder_contours.png .gif   ruder_saddle.png .gif   tuned.png .gif   escape.png
    trajectories.csv          a row a step
    reached.csv               a row a trajectory: its last value, steps to 0.001
    tuned.csv                 a row a function and optimizer: the trial selected
    escape.csv                a row an optimizer and deviation from the symmetric start
    trials/                   the records of the tuning

MP4 beside GIF where ffmpeg can be found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands.parsing import Parser
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from harness.figures.landscapes import Drawing

OUT = "results/landscape"
WORKLOADS = "beale,saddle,ravine,rosenbrock,himmelblau"
OPTIMIZERS = "sgd,momentum,nesterov,adagrad,adadelta,rmsprop,newton,lbfgs"
NUM_TRIALS = 24
TARGET = 1e-3
GRADIENTS_A_STEP = {"newton": "Newton 5", "lbfgs": "L-BFGS up to 26"}


def main(arguments: Sequence[str]) -> int:
    parser = Parser("landscape", __doc__)
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE", help="as for a run")
    parser.add_argument("--out", metavar="DIR", default=OUT, help=f"default {OUT}")
    parser.add_argument("--config-dir", metavar="DIR", help="with files of your own")
    parser.add_argument("--no-animation", action="store_true", help="pictures alone")
    given = parser.parse_intermixed_args(arguments)
    words, chosen = _words(given.words)
    if given.config_dir:
        words = ["--config-dir", given.config_dir, *words]

    from harness.report.writing import writable

    folder = writable(given.out)
    written = write(folder, words, all_pictures=not chosen, animated=not given.no_animation)
    for path in written:
        print(path)
    return EXIT_COMPLETE


def _words(given: Sequence[str]) -> tuple[list[str], bool]:
    """The words of the tuning, and whether functions or optimizers were chosen.

    >>> _words(["workload=beale", "optimizer=adam", "num_trials=8"])
    (['schedule=constant', 'workload=beale', 'optimizer=adam', 'num_trials=8'], True)
    """
    for word in given:
        key = word.partition("=")[0].lstrip("+~")
        if "=" not in word and not word.startswith("~"):
            raise ConfigError(f"{word!r} is not KEY=VALUE, such as optimizer=sgd,adam")
        if key in ("root", "report"):
            raise ConfigError(f"{word!r}: everything goes into one folder; give --out DIR")
    keys = [word.partition("=")[0] for word in given]
    defaults = {
        "workload": WORKLOADS, "optimizer": OPTIMIZERS, "schedule": "constant", "num_trials": NUM_TRIALS
    }  # fmt: skip
    words = [f"{key}={value}" for key, value in defaults.items() if key not in keys]
    return [*words, *given], bool({"workload", "optimizer"} & set(keys))


def write(folder: Path, words: Sequence[str], all_pictures: bool, animated: bool) -> list[Path]:
    """Train, draw and write; the paths of the pictures and tables."""
    from harness.analysis import escape
    from harness.analysis.landscapes import reached
    from harness.commands import watched
    from harness.figures import escape as escape_figure
    from harness.figures import landscapes, style

    best, selected = watched.tuned(words, folder / "trials")
    fixed = {
        each: watched.as_ruder(each, OPTIMIZERS.split(","))
        for each in (("beale", "saddle") if all_pictures else ())
    }
    everyone = [*best, *(each for group in fixed.values() for each in group)]
    paths, surfaces = watched.paths(everyone), watched.surfaces(everyone)
    tables: dict[str, pd.DataFrame] = {
        "trajectories": paths, "reached": reached(paths, TARGET), "tuned": selected,
    }  # fmt: skip
    own = paths[paths["setting"] == watched.TUNED]
    with style.settings():
        pictures: dict[str, Any] = {
            "tuned": landscapes.on_contours(own, surfaces, "Tuned", _tuned_caption(best))
        }
        if all_pictures:
            pictures |= _ruder(paths[paths["setting"] == watched.AS_RUDER], surfaces)
            on_saddle = [each for each in best if each.study.workload == "saddle"]
            tables["escape"] = escape.summary(watched.escapes([*fixed["saddle"], *on_saddle]))
            pictures["escape"] = escape_figure.draw(
                tables["escape"], watched.ESCAPE_STEPS, _escape_caption(watched)
            )
        written = _pictures(folder, pictures, animated)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
        written.append(folder / f"{name}.csv")
    _say(tables)
    return written


def _ruder(paths: pd.DataFrame, surfaces: Any) -> dict[str, Drawing]:
    from harness.figures import landscapes

    told = (
        f"Not tuned: the settings of conf/search_space/{{}}/ruder.{_second_order(paths['optimizer'])} Redrawn"
        " after Ruder (2016), section 4.9, from runs of this harness."
    )
    beale, saddle = (paths[paths["workload"] == each] for each in ("beale", "saddle"))
    title = "Beale's function"
    return {
        "ruder_contours": landscapes.on_contours(beale, surfaces, title, told.format("beale")),
        "ruder_saddle": landscapes.on_saddle(
            saddle, surfaces["saddle"], "A saddle point", told.format("saddle")
        ),
    }


def _tuned_caption(best: Sequence[Any]) -> str:
    steps = max(each.study.config["workload"]["steps"] for each in best)
    return (
        f"Up to {steps} steps of each optimizer at the trial of its search space whose last value was lowest,"
        f" chosen on that function. Stars: minima.{_second_order(each.study.optimizer for each in best)}"
    )


def _second_order(drawn: Iterable[str]) -> str:
    there = set(drawn)
    told = [text for name, text in GRADIENTS_A_STEP.items() if name in there]
    if not told:
        return ""
    return f" Dashed: second order, whose steps take several gradients ({', '.join(told)})."


def _escape_caption(watched: Any) -> str:
    return (
        f"Steps until |y| is half of that of a minimum, from (1, 0) plus normal deviations: median, least and"
        f" most of {watched.STARTS} starts (of the symmetric one there is one); never: not in"
        f" {watched.ESCAPE_STEPS} steps, or at rest. A step of L-BFGS or Newton takes several gradients."
    )


def _pictures(folder: Path, pictures: dict[str, Any], animated: bool) -> list[Path]:
    from harness.figures import animation
    from harness.figures.landscapes import Drawing

    written = []
    for name, picture in pictures.items():
        figure = picture.figure if isinstance(picture, Drawing) else picture
        written.append(folder / f"{name}.png")
        figure.savefig(written[-1], dpi=140)
        if animated and isinstance(picture, Drawing):
            written += animation.write(picture, folder / name)
    return written


def _say(tables: dict[str, pd.DataFrame]) -> None:
    from harness.analysis.names import name
    from harness.figures.escape import in_words

    for row in tables["reached"].itertuples():
        there = (
            "never" if row.steps_to_target != row.steps_to_target else f"{row.steps_to_target:.0f}"
        )
        print(
            f"{row.workload:<12}{row.setting:<10}{name(row.optimizer):<10} last value {row.value:<10.2g}"
            f" steps to {TARGET:g}: {there}"
        )
    if "escape" in tables:
        print("\nSteps to leave the saddle, by how far the start is from symmetric:")
        print("\n".join(in_words(tables["escape"])))
