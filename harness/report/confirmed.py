"""Selected trials trained again on fresh seeds (`analysis.confirming`), as cells of a table."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from harness.analysis.names import number
from harness.report.races import share

TITLE = "the selected trials on fresh seeds"
HEAD = (
    "optimizer",
    "test error, mean",
    "95% interval",
    "over seeds",
    "its own",
    "seeds",
    "search's share",
)
CAPTION = (
    "Each optimizer's selected trial trained again on fresh seeds: its mean test error with the 95% interval"
    " of the mean and the standard deviation over seeds, beside the test error that the trial itself had; and"
    " of the spread of a tuning run of K trials the share that is search, the rest being seeds."
)


def cells(table: pd.DataFrame) -> Iterator[list[str]]:
    """A row of `HEAD` a row of the table."""
    for row in table.to_dict("records"):
        diverged = f" + {row['diverged']} diverged" if row["diverged"] else ""
        yield [
            str(row["optimizer"]),
            number(row["test_mean"]),
            f"{number(row['test_low'])}–{number(row['test_high'])}",
            f"± {number(row['test_sd'])}",
            number(row["selected_test"]),
            f"{row['seeds']}{diverged}",
            "-" if pd.isna(row["search_share"]) else share(row["search_share"]),
        ]
