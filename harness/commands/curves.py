"""Learning curves of the selected trials of several runs, in one picture.

    harness curves "all=ROOT" "64=ROOT" "1=ROOT" --panels train_loss,val_error --against examples --out DIR

Of each root, and of each optimizer in it, the trial with the lowest validation error. A panel holds a
column of the learning curve, or several joined by +, such as val_error+train_error; gap is the
validation error less that on the training sample. Written: curves.csv, curves.png, curves.svg.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.parsing import Parser, labelled
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    import pandas as pd

AGAINST = ("step", "examples")
GAP = "gap"


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    roots = labelled(given.roots)
    panels = [panel.split("+") for panel in given.panels.split(",")]

    import pandas as pd

    from harness.figures import side_by_side
    from harness.report.catalogue import save_figure

    frame = pd.concat([_selected(label, root) for label, root in roots.items()], ignore_index=True)
    for column in (name for panel in panels for name in panel):
        if column not in frame or frame[column].isna().all():
            known = ", ".join(name for name in frame.columns if frame[name].dtype.kind == "f")
            raise ConfigError(
                f"--panels: no curve here has {column}; there are {known}; train_error needs"
                " workload.train_sample=, averages need averaging.*="
            )
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    save_figure(
        "curves", frame,
        lambda shown, note: side_by_side.draw(shown, panels, given.against, note), out, "",
    )  # fmt: skip
    print(out / "curves.png")
    return EXIT_COMPLETE


def _selected(label: str, root: Path) -> pd.DataFrame:
    """The curves of a root's selected trials, one an optimizer, with ``label`` and ``examples``."""
    import pandas as pd

    from harness.analysis.names import name
    from harness.analysis.reading import read_results
    from harness.study.result import COMPLETE, IDENTITY

    found = read_results(root)
    complete = found.trials[found.trials["status"] == COMPLETE]
    if complete.empty or found.curves is None:
        raise ConfigError(f"{root} has no complete trial with a learning curve; run it first")
    best = complete.sort_values(["val_error", "trial"]).groupby(["workload", "optimizer"]).head(1)
    curves = found.curves.merge(best[list(IDENTITY)], on=list(IDENTITY))
    several = len(best) > 1
    labels = [f"{label}: {name(each)}" if several else label for each in curves["optimizer"]]
    sizes = {
        study: each.config["workload"].get("batch_size") for study, each in found.studies.items()
    }
    curves = curves.assign(
        label=labels,
        examples=curves["step"] * pd.to_numeric(curves["study"].map(sizes)).astype(float),
    )
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
