"""Tables of others: whatever their names, numbers and types, a report; or one line that says what is wrong."""

import datetime
import decimal
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.__main__ import command
from harness.analysis.checking import TableError
from harness.analysis.reading import Results, read_results
from harness.report.comparison import analyse
from harness.report.terminal import render

ROWS = 12


def table(names=("sgd", "adam"), **columns):
    """So many complete trials of each optimizer, and further columns or other ones."""
    rows = [
        {"workload": "w", "optimizer": name, "trial": trial, "status": "complete",
         "val_error": 0.1 + ((7 * trial + place) % ROWS) / ROWS}
        for place, name in enumerate(names)
        for trial in range(ROWS)
    ]  # fmt: skip
    made = pd.DataFrame(rows)
    return made.assign(**{name.replace("hp_", "hp."): value for name, value in columns.items()})


MANY = 2 * ROWS
SPREAD = np.linspace(-1, 1, MANY)
TABLES = {
    "punctuation": table(("a,b", 'c"d', "e;f", "|g|", "h'i", "a\\b", "%s {} {0}")),
    "markup": table(("[bold]x[/bold]", "[/red]", "<b>x</b>", "*a* _b_ `c`", "[a](b)", "&amp;")),
    "mathematics": table(("$x", "a_b^c", "$\\nofunc{$", "$x$y$z", "\\frac{1}")),
    "letters": table(("🚀", "名前", "ü", "e\u0301", "zero\u200bwidth", "x" * 300)),
    "cursor": table(("sgd\x1b[31m", "adam\nw", "\u202eevil", "bell\x07")),
    "none": table(("None", "NA", "nan", "null", "1", "1.0", "1e3", "True")),
    "a workload": table().assign(workload="w|x`y`*z*[/bold]/../$a"),
    "long trials": table(trial=[10**30 + place for place in range(MANY)]),
    "negative trials": table(trial=range(-ROWS, ROWS)),
    "huge": table(val_error=np.where(SPREAD > 0, 1.7e308, -1.7e308)),
    "tiny": table(val_error=np.abs(SPREAD) * 1e-300),
    "subnormal": table(hp_lr=5e-324 * np.arange(1, MANY + 1)),
    "alike": table(val_error=0.5),
    "nothing": table(val_error=0.0),
    "infinite": table(hp_clip=["inf", "-inf", "nan", "", "1", "2"] * 4),
    "wide": table(hp_lr=10.0 ** (300 * SPREAD), hp_m=1e30 * SPREAD),
    "words": table(hp_schedule=["0.1", "cosine", "linear", "1e-3"] * 6),
    "long numbers": table(hp_seed=[str(2**70 + place) for place in range(MANY)]),
    "flags": table(hp_nesterov=[True, False] * ROWS),
    "dates": table(hp_day=["2024-11-05", "2024-11-06"] * ROWS),
    "lists": table(hp_betas=["[0.9, 0.99]", "(0.9,)"] * ROWS),
    "an empty column": table(hp_lr="", note=""),
    "odd columns": table(**{"hp_": 1.0, "hp_a b/c[d]": SPREAD, "hp_<b>🚀": SPREAD, "": 1}),
    "all diverged": table(status="diverged", val_error=""),
    "no test": table(test_error="n/a"),
    "one trial": table(("sgd",)).head(1),
}
TYPED = {
    "categories": table().astype({"optimizer": "category", "trial": "category", "val_error": "category"}),
    "times": table(hp_day=pd.date_range("2024", periods=MANY), hp_for=pd.to_timedelta(range(MANY))),
    "dates": table(hp_day=[datetime.date(2024, 11, 5)] * MANY),
    "dictionaries": table(hp_settings=[{"a": 1}] * MANY, note=[{"b": [1]}] * MANY),
    "lists": table(hp_betas=[[0.9, 0.99]] * MANY),
    "decimals": table(val_error=[decimal.Decimal("0.1") * place for place in range(MANY)]),
    "half": table().astype({"val_error": "float16"}),
    "unsigned": table(trial=np.arange(MANY, dtype="uint64") + 2**63),
    "nullable": table(hp_b=pd.array([True, None] * ROWS, dtype="boolean")).astype({"trial": "Int64"}),
    "bytes": table((b"sgd", b"adam")),
    "an index": table().set_index(["workload", "optimizer", "trial"]),
    "numbers for names": table((1, 2)),
}  # fmt: skip


def reported(path, capsys):
    status = command(["report", str(path)])
    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    return out


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("name", TABLES)
def test_it_is_reported_whatever_it_holds(name, form, tmp_path, capsys):
    made, path = TABLES[name], tmp_path / f"trials.{form}"
    if form == "csv":
        made.to_csv(path, index=False)
    else:
        if name == "long trials":
            made = made.astype({"trial": str})  # Parquet has no such numbers
        made.to_parquet(path)
    out = reported(path, capsys)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", out)
    read = read_results(path).trials
    assert read["optimizer"].tolist() == made["optimizer"].tolist()
    assert read["trial"].tolist() == [int(trial) for trial in made["trial"]]
    if name not in ("all diverged", "one trial"):
        assert (
            len(re.findall(rf" {ROWS}/{ROWS}\s", out)) == made["optimizer"].nunique()
        )  # no number gives way
    for shown in made["optimizer"].unique():
        if len(shown) < 20 and shown.isprintable():
            assert shown in out


@pytest.mark.parametrize("name", TYPED)
def test_parquet_of_any_types_is_reported(name, tmp_path, capsys):
    TYPED[name].to_parquet(tmp_path / "trials.parquet")
    reported(tmp_path / "trials.parquet", capsys)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["markup", "mathematics", "cursor", "huge", "wide", "odd columns"])
def test_its_page_and_figures_are_drawn_too(name, tmp_path, capsys):
    TABLES[name].to_csv(tmp_path / "trials.csv", index=False)
    assert command(["report", str(tmp_path / "trials.csv"), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err == ""
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000


CELLS = st.one_of(
    st.sampled_from(
        ["", "0", "1", "-1", "0.5", "inf", "-inf", "nan", "NA", "None", "complete", "diverged", "x", "1e400",
         "1e308", "5e-324", "1,5", "½", "9" * 30, "0x1", "1_000", "True", "\x00", "'", '"', "[/red]", "ü"]
    ),
    st.text(max_size=4),
    st.floats(width=64).map(str),
)  # fmt: skip
COLUMNS = ["workload", "optimizer", "trial", "status", "val_error", "test_error", "steps", "study", "hp.lr",
           "hp.x", "metric", "train_seconds", "search_space", "", "hp."]  # fmt: skip
GOOD = table().astype(str)


@given(
    st.lists(st.tuples(st.integers(0, MANY - 1), st.sampled_from(COLUMNS), CELLS), max_size=3),
    st.lists(st.sampled_from(COLUMNS), max_size=1),
    st.sampled_from([",", ",", ",", ";", "\t"]),
    st.sampled_from(["", "\ufeff"]),
    st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16", "latin-1"]),
    st.integers(0, 10**6),
)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_fuzz_tables_end_in_an_analysis_or_in_one_line(
    tmp_path, changes, without, separator, mark, encoding, cut
):
    made = GOOD.copy()
    for row, column, cell in changes:
        if column not in made:
            made[column] = ""
        made.loc[row, column] = cell
    text = mark + made.drop(columns=without, errors="ignore").to_csv(index=False, sep=separator)
    content = text.encode(encoding, "replace")
    path = tmp_path / "trials.csv"
    path.write_bytes(content[:cut] if cut < len(content) else content)
    found = refusal = None
    try:
        found = read_results(path)
    except TableError as error:
        refusal = str(error)
    if found is None:
        # Of a cell that makes a second study the pair is named, and how to choose.
        assert path.name in refusal or "choose one with study=" in refusal
        assert "\n" not in refusal
        return
    render(analyse(Results(found.trials, None, {})))
