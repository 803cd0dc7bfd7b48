"""The same random search by this harness, by its peers and by a bare loop: seconds to the same curve.

What a user would write otherwise: Optuna (random sampler, several processes over one journal; threads
pinned, and at PyTorch's default; with its successive halving), Ray Tune (random; ASHA), Hydra's joblib
launcher around an ordinary training script; this harness without and with pruning; the floor is a bare
loop a core. All train momentum with linear decay on the same random points. Rounds alternate, so that
other work on the machine disturbs all alike. What pruning does to the tuning curve is simulated on the
committed tables (`peers_curves`), what a step costs is measured.

    pip install --constraint constraints.txt -e '.[peers,launchers]'
    python scripts/benchmark_peers.py [--workloads digits_cnn] [--rounds 3] [--trials 64]
        [--data ROOT] [--flush-subnormals] [--out results/peers]

War and Peace and CIFAR-10's ResNet-8 are trained where --data says where they lie; a workload whose rounds
lie in --out already is set beside those run now. A processor is many times slower on subnormal numbers,
which a saturated LSTM makes: the harness flushes them to zero, a script does where it says so.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from peers_curves import Gain, asynchronous, cohorts, gain, population, whole_training
from peers_training import Setting
from peers_watching import Watched, of_log, of_records, watch

from harness.study.pruning import Pruning

HERE = Path(__file__).parent
HALVING = Pruning((0.2, 0.4), (0.5, 0.5), audit=0.1)  # conf/pruning/halving.yaml
PINNED = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
FLOOR, OURS, PRUNED = "bare loops", "harness", "harness, halving"
OPTUNA, OPTUNA_SH, THREADS = "Optuna", "Optuna, halving", "Optuna, threads not pinned"
RAY, ASHA, JOBLIB = "Ray Tune", "Ray Tune, ASHA", "Hydra with joblib"
NAMES = {
    FLOOR: "floor", OPTUNA: "optuna", THREADS: "optuna", OPTUNA_SH: "optuna_sh", RAY: "ray",
    ASHA: "asha", JOBLIB: "joblib",
}  # fmt: skip
UNPRUNED_PEERS = (OPTUNA, THREADS, RAY, JOBLIB)
CONTENDERS = (FLOOR, OURS, PRUNED, OPTUNA, OPTUNA_SH, THREADS, RAY, ASHA, JOBLIB)
OF_FLOOR, FEWER_SECONDS, OVERHEAD = 0.97, 1.6, 0.005


class Case(NamedTuple):
    """A workload as it is trained here, and the committed table that its curves are simulated on."""

    words: tuple[str, ...]
    table: str


CASES = {
    "digits_cnn": Case(
        ("workload=digits_cnn", "search_space=digits_cnn/paper/momentum"), "digits/momentum"
    ),
    "war_and_peace_lstm": Case(
        ("workload=war_and_peace_lstm", "workload.steps=100", "workload.eval_every=20"),
        "war_and_peace/momentum",
    ),
    "cifar10_resnet8": Case(
        (
            "workload=cifar10_resnet32", "workload.name=cifar10_resnet8", "model.depth=8", "workload.steps=50",
            "workload.eval_every=10", "search_space=cifar10_resnet32/momentum",
        ),
        "cifar10/momentum",
    ),
}  # fmt: skip


# --- runs ----------------------------------------------------------------------------------------


def setting_of(words: tuple[str, ...], log: Path) -> Setting:
    """The same study for the scripts of the peers."""
    from harness.config import build
    from harness.config.compose import compose

    ((config, _),) = compose(list(words))
    study = build.study(config).config
    axes = {
        **study["search_space"],
        **{name: axis for name, axis in study["schedule"].items() if isinstance(axis, Mapping)},
    }
    return Setting(study["workload"], study["model"], study["data"], axes, str(log))


def one(name: str, words: tuple[str, ...], given: argparse.Namespace, folder: Path) -> Watched:
    """Run a contender once, in an empty folder."""
    trials, workers = given.trials, given.workers
    log = folder / "output.log"
    if name in (OURS, PRUNED):
        pruning = ["pruning=halving", f"pruning.cohort={min(trials, 32)}"] if name == PRUNED else []
        command = [
            sys.executable, "-m", "harness", *words, "sampler=uniform", f"num_trials={trials}",
            f"workers={workers}", f"root={folder}", "device=cpu", *pruning,
        ]  # fmt: skip
        return watch(command, {}, lambda: of_records(folder), log)
    lines = folder / "trials.log"
    setting = setting_of(words, lines)._replace(
        threads=None if name == THREADS else 1, flush=given.flush_subnormals
    )
    path = folder / "setting.json"
    path.write_text(json.dumps(setting._asdict()), encoding="utf-8")
    command = [
        sys.executable, str(HERE / "peers_contenders.py"), NAMES[name], str(path),
        f"--trials={trials}", f"--workers={workers}", f"--folder={folder}",
    ]  # fmt: skip
    environment = {"PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])}
    if name != THREADS:
        environment |= PINNED
    return watch(command, environment, lambda: of_log(lines), log)


def rounds(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row a workload, round and contender."""
    for workload in given.workloads:
        words = (*CASES[workload].words, "optimizer=momentum")
        if given.data:
            words = (*words, f"data.root={given.data}")
        if workload == "cifar10_resnet8" and given.image_folder:
            words = (*words, "data.format=image_folder")
        words = (*words, *given.also)
        for number in range(given.rounds):
            for name in given.contenders:
                with tempfile.TemporaryDirectory() as folder:
                    found = one(name, words, given, Path(folder))
                print(
                    f"{workload}, round {number + 1}, {name}: {found.training:.1f} s for {found.trials} trials,"
                    f" start-up {found.start_up:.1f} s",
                    flush=True,
                )
                yield {
                    "workload": workload, "round": number + 1, "contender": name, **found._asdict(),
                }  # fmt: skip


# --- what follows --------------------------------------------------------------------------------


def gains(results: Path, workload: str, tables: int) -> dict[str, Gain]:
    """What each contender's way to train or prune does to the curve."""
    pair = population(results, CASES[workload].table)
    whole = gain(pair, whole_training(pair), tables)._replace(steps=1.0)  # but for chance
    ways = {
        PRUNED: cohorts(pair, HALVING),
        OPTUNA_SH: asynchronous(pair, 1, 4, counts_itself=True),
        ASHA: asynchronous(pair, 1, 4, counts_itself=False),
    }
    pruned = {name: gain(pair, way, tables) for name, way in ways.items()}
    return {name: pruned.get(name, whole) for name in CONTENDERS}


def table(runs: pd.DataFrame, simulated: Mapping[str, Mapping[str, Gain]]) -> pd.DataFrame:
    """A row a workload and contender: medians of its rounds, least and most of the seconds a trial."""
    runs = runs.assign(
        overhead=runs["overhead"].astype(float),
        seconds_a_trial=runs["training"] / runs["trials"],
        seconds_a_step=runs["training"] / runs["steps"],
        cpu_a_trial=runs["cpu_seconds"] / runs["trials"],
    )
    rows = []
    for (workload, name), own in runs.groupby(["workload", "contender"], sort=False):
        middle = own.median(numeric_only=True)
        known = simulated[str(workload)][str(name)]
        rows.append(
            {
                "workload": workload, "contender": name, "rounds": len(own),
                "seconds_a_trial": middle["seconds_a_trial"],
                "least": own["seconds_a_trial"].min(), "most": own["seconds_a_trial"].max(),
                "steps_a_second": 1 / middle["seconds_a_step"], "start_up": middle["start_up"],
                "cpu_a_trial": middle["cpu_a_trial"], "peak_mib": middle["peak_mib"],
                "overhead": middle["overhead"], "steps_to_curve": known.steps,
            }
        )  # fmt: skip
    frame = pd.DataFrame(rows)
    floor = frame[frame["contender"] == FLOOR].set_index("workload")["steps_a_second"]
    share = frame["steps_a_second"] / frame["workload"].map(floor)
    frame["of_floor"] = share
    frame["seconds_to_curve"] = frame["steps_to_curve"] / share  # of the floor's
    frame["error_at_equal_seconds"] = [
        simulated[row["workload"]][row["contender"]].error_at(row["of_floor"])
        for row in frame.to_dict("records")
    ]
    return frame


def targets(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a workload and target: what was to be reached, what was, and whether that is enough."""
    rows = []
    for workload, own in frame.groupby("workload", sort=False):
        by = own.set_index("contender")
        peers = [name for name in UNPRUNED_PEERS if name in by.index]
        found: dict[str, tuple[float, float, bool]] = {}
        if OURS in by.index:
            kept = by["of_floor"][OURS]
            found["share of the floor's speed, unpruned"] = (OF_FLOOR, kept, kept >= OF_FLOOR)
            beside = by["overhead"][OURS]
            found["seconds a trial beside its training"] = (OVERHEAD, beside, beside < OVERHEAD)
        if PRUNED in by.index and peers:
            fewer = by["seconds_to_curve"][peers].min() / by["seconds_to_curve"][PRUNED]
            found["times fewer seconds to the same curve than the best unpruned peer"] = (
                FEWER_SECONDS, fewer, fewer >= FEWER_SECONDS,
            )  # fmt: skip
        if PRUNED in by.index and ASHA in by.index:
            ours, theirs = (by["error_at_equal_seconds"][name] for name in (PRUNED, ASHA))
            found["squared error of the curve at equal seconds, by ASHA's"] = (
                1.0, ours / theirs, bool(ours < theirs),
            )  # fmt: skip
        rows += [
            {"workload": workload, "target": name, "wanted": wanted, "found": value, "met": met}
            for name, (wanted, value, met) in found.items()
        ]
    return pd.DataFrame(rows)


def draw(frame: pd.DataFrame, path: Path) -> None:
    """Seconds to the same curve, a panel a workload."""
    from harness.figures import style

    workloads = list(dict.fromkeys(frame["workload"]))
    with style.settings():
        figure = style.canvas(4.2 * len(workloads) + 1.5, 3.4)
        panels = figure.subplots(1, len(workloads), squeeze=False, sharey=True)[0]
        for axes, workload in zip(panels, workloads, strict=True):
            own = frame[frame["workload"] == workload].iloc[::-1]
            seconds = own["seconds_to_curve"].replace(np.inf, np.nan)
            mine = own["contender"].str.startswith("harness")
            axes.barh(own["contender"], seconds, color=np.where(mine, "#d55e00", "#8c8c8c"))
            for name, value in zip(own["contender"], seconds, strict=True):  # not all ran on each
                text = " never" if np.isnan(value) else f" {value:.2f}"
                axes.text(0 if np.isnan(value) else value, name, text, va="center", fontsize=7)
            axes.axvline(1.0, color="black", linewidth=0.8)
            axes.set(title=workload, xlabel="seconds to the same curve, by bare loops")
        caption = (
            "Seconds a step as measured here, steps to the same squared error of the best-of-16 curve as"
            " simulated on the committed tables."
        )
        style.finish(figure, caption).savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--workloads", nargs="+", choices=CASES, default=["digits_cnn"])
    add("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    add("--rounds", type=int, default=3, help="that alternate (3)")
    add("--trials", type=int, default=64, help="of each contender and round (64)")
    add("--workers", type=int, default=len(os.sched_getaffinity(0)), help="one a core")
    add("--flush-subnormals", action="store_true", help="of all contenders, as the harness does")
    add("--tables", type=int, default=1000, help="searches simulated of each kind (1000)")
    add("--data", help="data.root of War and Peace and CIFAR-10")
    add("--image-folder", action="store_true", help="CIFAR-10 as a folder of images")
    add("--also", nargs="*", default=[], metavar="KEY=VALUE", help="further overrides, for a try")
    add("--results", type=Path, default=Path("results"), help="committed tables")
    add("--out", type=Path, default=Path("results/peers"), help="folder written into")
    given = parser.parse_args()
    runs = pd.DataFrame(rounds(given))
    before = given.out / "rounds.csv"
    if before.exists():  # other workloads, run before
        kept = pd.read_csv(before)
        runs = pd.concat([kept[~kept["workload"].isin(given.workloads)], runs], ignore_index=True)
    simulated = {
        name: gains(given.results, name, given.tables) for name in runs["workload"].unique()
    }
    frame = table(runs, simulated)
    reached = targets(frame)
    (given.out / "figures").mkdir(parents=True, exist_ok=True)
    runs.round(4).to_csv(given.out / "rounds.csv", index=False)
    frame.round(4).to_csv(given.out / "contenders.csv", index=False)
    reached.round(4).to_csv(given.out / "targets.csv", index=False)
    draw(frame, given.out / "figures" / "peers.png")
    with pd.option_context("display.width", 200, "display.max_columns", 30):
        print(frame.round(3).to_string(index=False))
        print(reached.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
