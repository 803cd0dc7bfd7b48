"""A trial's own learning curve and hyperparameters: on the terminal, and as a picture with --out.

harness trial ROOT optimizer=NAME trial=INDEX [workload=NAME] [study=FINGERPRINT] [--out FILE.png]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.parsing import Parser
from harness.commands.which_study import told_apart
from harness.errors import EXIT_COMPLETE, ConfigError

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("workload", "optimizer", "study", "trial")
USAGE = "give ROOT optimizer=NAME trial=INDEX, and workload= or study= where there are several"
MOST_ROWS = 25  # of a longer curve every so many
HEADS = {
    "step": "step", "learning_rate": "rate", "train_loss": "train loss", "val_error": "validation",
    "test_error": "test",
}  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_intermixed_args(arguments)
    choice = _choice(given.choice)
    if given.out and Path(given.out).suffix not in (".png", ".svg", ".pdf"):
        raise ConfigError(f"--out {given.out} is not a .png, .svg or .pdf; name a picture")

    trials, curves = _read(given.root)
    row = _row(trials, choice, given.root)
    curve = _curve(curves, row)
    print("\n".join(_lines(row, curve)))
    if given.out:
        _draw(row, curve, given)
    return EXIT_COMPLETE


def _read(source: str) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Trials and learning curves, whatever studies there are."""
    if Path(source).is_dir():
        from harness.analysis.reading import no_trials
        from harness.records import tables

        found = tables.read(source)
        if found.trials.empty:
            raise no_trials(source)
        metrics = {name: node["workload"].get("metric") for name, node in found.studies.items()}
        return found.trials.assign(metric=found.trials["study"].map(metrics)), found.curves
    from harness.analysis.reading import read_results

    table = read_results(source, all_studies=True)
    return table.trials, table.curves


def _parser() -> Parser:
    parser = Parser("trial", __doc__)
    add = parser.add_argument
    add("root", metavar="ROOT|trials.csv", help="a results folder, or a table with its curves")
    add("choice", nargs="*", metavar="KEY=VALUE", help="optimizer, trial; workload, study")
    add("--out", metavar="FILE", help="draw it too: a .png, .svg or .pdf")
    return parser


def _choice(words: Sequence[str]) -> dict[str, str]:
    choice = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in KEYS:
            raise ConfigError(f"{word!r} is not understood; {USAGE}")
        choice[key] = value
    for key in ("optimizer", "trial"):
        if key not in choice:
            raise ConfigError(f"{key}= is missing; {USAGE}")
    if not choice["trial"].isdigit():
        raise ConfigError(f"trial must be an index such as 7, got {choice['trial']!r}")
    return choice


def _row(trials: pd.DataFrame, choice: dict[str, str], root: str) -> pd.Series:
    """The one trial that is meant.

    Raises:
        ConfigError: there is none, or one in each of several studies.
    """
    from harness.analysis.pooling import SeveralStudies

    here = trials[trials["optimizer"] == choice["optimizer"]]
    if here.empty:
        known = ", ".join(trials["optimizer"].unique())
        raise ConfigError(
            f"optimizer {choice['optimizer']!r} has no trials here; there are: {known}"
        )
    if "workload" in choice:
        here = here[here["workload"] == choice["workload"]]
    here = here[here["study"].str.startswith(choice.get("study", ""))]
    own = here[here["trial"].astype(str) == str(int(choice["trial"]))]
    if own.empty:
        last = f"; its last is {here['trial'].max()}" if len(here) else ""
        raise ConfigError(f"no trial {' '.join(f'{k}={v}' for k, v in choice.items())} here{last}")
    pairs = (own["workload"] + "/" + own["optimizer"]).unique()
    if len(pairs) > 1:
        raise ConfigError(
            f"several workloads have it: {', '.join(pairs)}; choose with workload=NAME"
        )
    if len(own) > 1:
        raise told_apart(SeveralStudies(pairs[0], list(own["study"]), None), [root])
    return own.iloc[0]


def _curve(curves: pd.DataFrame | None, row: pd.Series) -> pd.DataFrame:
    """Its evaluations; none where the source has no curves."""
    import pandas as pd

    from harness.study.result import CURVE_COLUMNS, IDENTITY

    if curves is None:
        return pd.DataFrame(columns=list(CURVE_COLUMNS))
    own = (curves[list(IDENTITY)] == row[list(IDENTITY)]).all(axis=1)
    return curves[own].sort_values("step").reset_index(drop=True)


def _lines(row: pd.Series, curve: pd.DataFrame) -> Iterator[str]:
    import pandas as pd

    from harness.analysis.names import name, quantity
    from harness.study.parametrisation import label

    unit = row.get("metric")
    unit = unit if isinstance(unit, str) else ""
    study = f" (study {row['study']})" if row["study"] else ""
    yield f"{row['workload']}, {name(row['optimizer'])}, trial {row['trial']}{study}: {row['status']}"
    final = [
        f"{quantity(each, unit)} {_cell(each, row[each])}"
        for each in ("val_error", "test_error", "train_loss", "steps", "train_seconds")
        if pd.notna(row[each])
    ]
    yield ", ".join(final)
    coordinates = [
        f"{label(each)} {row[each] if isinstance(row[each], str) else format(row[each], '.4g')}"
        for each in row.index
        if str(each).startswith("hp.") and pd.notna(row[each])
    ]
    yield ", ".join(coordinates)
    if curve.empty:
        yield "It has no learning curve here."
        return
    columns = [each for each in HEADS if each in curve and curve[each].notna().any()]
    yield ""
    yield "".join(f"{HEADS[each]:>12}" for each in columns)
    largest = curve["val_error"].max()
    every = -(-len(curve) // MOST_ROWS)
    kept = curve[(curve.index % every == 0) | (curve.index == len(curve) - 1)]
    for point in kept.to_dict("records"):
        cells = (f"{_cell(each, point[each]):>12}" for each in columns)
        yield "".join(cells) + "  " + _bar(point["val_error"], largest)


def _cell(column: str, value: float) -> str:
    """A number of the curve; rates, which lie decades apart, to four digits.

    >>> _cell("learning_rate", 4.1234e9), _cell("val_error", 0.25)
    ('4.123e+09', '.2500')
    """
    from harness.analysis.names import number

    if column == "learning_rate":
        return f"{value:.4g}"
    return f"{value:.0f}" if column in ("step", "steps") else number(value)


def _bar(value: float, largest: float) -> str:
    """The validation error as a bar.

    >>> _bar(0.5, 1.0)
    '████████████'
    """
    if not (largest > 0 and 0 <= value < float("inf")):
        return ""
    return "█" * max(1, round(24 * value / largest))


def _draw(row: pd.Series, curve: pd.DataFrame, given: argparse.Namespace) -> None:
    from harness.analysis.names import name
    from harness.figures import own_curve, style
    from harness.report.writing import placed

    unit = row.get("metric")
    title = f"{row['workload']}, {name(row['optimizer'])}, trial {row['trial']} ({row['status']})"
    out = Path(given.out)
    with placed(out.parent, "curve") as beside, style.settings():
        figure = own_curve.draw(
            curve, row["optimizer"], title, unit if isinstance(unit, str) else ""
        )
        figure.savefig(beside / out.name)
    print(given.out)
