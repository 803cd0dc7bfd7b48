"""Several runs side by side: learning curves of the selected trials, and which run is better.

    harness curves "all=ROOT" "64=ROOT" "1=ROOT" --panels train_loss,val_error --against examples --out DIR

Of each root, and of each optimizer in it, the trial with the lowest validation error is drawn. A panel
holds a column of the learning curve, or several joined by +, such as val_error+train_error; gap is the
validation error less that on the training sample. Roots may differ in any setting. Written:

    curves.csv, curves.png, curves.svg    the learning curves
    settings.csv    of each run, and each average in the panels, the best of K trials and its test error
    pairs.csv       which of two is better, by the paired test of a report, adjusted for all pairs
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.parsing import Parser, labelled
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from harness.analysis.reading import Results

AGAINST = ("step", "examples")
GAP = "gap"


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    roots = labelled(given.roots)
    panels = [panel.split("+") for panel in given.panels.split(",")]

    import pandas as pd

    from harness.analysis import settings
    from harness.analysis.reading import read_results
    from harness.figures import side_by_side
    from harness.report.catalogue import save_figure

    found = {label: read_results(root) for label, root in roots.items()}
    frame = pd.concat(
        [_selected(label, each, roots[label]) for label, each in found.items()], ignore_index=True
    )
    asked = [name for panel in panels for name in panel]
    for column in asked:
        if column not in frame or frame[column].isna().all():
            known = ", ".join(name for name in frame.columns if frame[name].dtype.kind == "f")
            raise ConfigError(
                f"--panels: no curve here has {column}; there are {known}; train_error needs"
                " workload.train_sample=, averages need averaging.*="
            )
    trials = {
        name: rows
        for label, each in found.items()
        for name, rows in _by_optimizer(label, each.trials).items()
    }
    studies = {name: study for each in found.values() for name, study in each.studies.items()}
    errors = ["val_error", *(name for name in asked if name.endswith("_val_error"))]
    compared = settings.compare(trials, studies, errors)
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    save_figure(
        "curves", frame,
        lambda shown, note: side_by_side.draw(shown, panels, given.against, note), out, "",
    )  # fmt: skip
    for name, table in compared._asdict().items():
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.12g")
    print("\n".join([*settings.sentences(compared), str(out / "curves.png")]))
    return EXIT_COMPLETE


def _by_optimizer(label: str, trials: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A root's trials, by its label, and by its optimizers where it has several."""
    from harness.analysis.names import name

    parts = dict(iter(trials.groupby("optimizer", sort=False)))
    if len(parts) == 1:
        return {label: trials}
    return {f"{label}: {name(str(optimizer))}": rows for optimizer, rows in parts.items()}


def _selected(label: str, found: Results, root: Path) -> pd.DataFrame:
    """The curves of a root's selected trials, one an optimizer, with ``label`` and ``examples``."""
    import pandas as pd

    from harness.study.result import COMPLETE, IDENTITY

    parts = []
    for name, trials in _by_optimizer(label, found.trials).items():
        complete = trials[trials["status"] == COMPLETE]
        best = complete.sort_values(["val_error", "trial"]).groupby("workload").head(1)
        if found.curves is not None and len(best):
            curves = found.curves.merge(best[list(IDENTITY)], on=list(IDENTITY))
            parts.append(curves.assign(label=name))
    if not parts:
        raise ConfigError(f"{root} has no complete trial with a learning curve; run it first")
    curves = pd.concat(parts, ignore_index=True)
    sizes = {
        study: each.config["workload"].get("batch_size") for study, each in found.studies.items()
    }
    sizes_of = pd.to_numeric(curves["study"].map(sizes)).astype(float)
    curves = curves.assign(examples=curves["step"] * sizes_of)
    if "train_error" in curves:
        curves[GAP] = curves["val_error"] - curves["train_error"]
    return curves.sort_values(["label", "step"])


def _parser() -> Parser:
    parser = Parser("curves", __doc__)
    add = parser.add_argument
    add(
        "roots",
        nargs="+",
        metavar="LABEL=ROOT",
        help="a results folder, or a table with its curves",
    )
    add("--panels", default="train_loss,val_error", help="columns (train_loss,val_error)")
    add("--against", choices=AGAINST, default="step", help="steps, or examples seen (step)")
    add("--out", metavar="DIR", required=True, help="folder to draw into, made if needed")
    return parser
