"""What the pages name is there: links, verbs, options, paths, columns, statuses."""

import re
import runpy
import sys

import pytest

from harness.analysis import borders, final, importance, inclusion_verdicts, tuning_curves
from harness.commands import verbs
from harness.config import shipped
from harness.study import result
from tests.docs.pages import CHECKOUT, PAGES, README, blocks, commands, inline_code, prose

CARDS = [CHECKOUT / "results" / "README.md", *sorted((CHECKOUT / "results").glob("*/card.md"))]
MOST_LINES = 150  # of the README


def test_the_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize(
    "page", [*PAGES, *CARDS], ids=lambda page: f"{page.parent.name}-{page.stem}"
)
def test_every_relative_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if ":" in path:
            continue
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


def _anchors(page):
    headings = re.findall(r"^#+ (.*)$", prose(page), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_path_of_the_project_exists(page):
    named = re.compile(r"(?:harness|conf|workloads|scripts|tests)/[\w/.]*\w\.\w+")
    for code in inline_code(page):
        for path in named.findall(code):
            assert (CHECKOUT / path).exists(), code
        if re.fullmatch(r"[a-z]+/[\w/]+\.py", code):
            rooms = (CHECKOUT, CHECKOUT / "harness")
            assert any((room / code).exists() for room in rooms), code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_verb_and_option_exists(page, capsys):
    lines = [code.split() for code in inline_code(page) if code.startswith("harness ")]
    lines += [
        words for block in blocks(page) if block.language == "sh" for words in commands(block)
    ]
    for words in lines:
        verb, rest = verbs.split(words[1:]) if words[0].endswith("harness") else ("run", [])
        if re.fullmatch("[a-z]+", words[1] if len(words) > 1 else ""):
            assert words[0] == "make" or words[1] in verbs.VERBS, words
        if verb in ("run", "submit", "overview", "completion"):  # Hydra's and sbatch's options
            continue
        options = [word.partition("=")[0] for word in rest if word.startswith("--")]
        assert set(options) <= set(_options(verb, capsys)), words


def _options(verb, capsys):
    with pytest.raises(SystemExit):
        verbs.main_of(verb)(["--help"])
    return re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)


def test_every_column_and_status_is_documented():
    page = (CHECKOUT / "docs" / "columns-and-files.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", page))
    columns = (
        *result.TABLE_COLUMNS, *result.CURVE_COLUMNS, *tuning_curves.COLUMNS, *final.AT_BUDGET,
        *inclusion_verdicts.COLUMNS, *borders.COLUMNS, *importance.COLUMNS, *result.STATUSES,
    )  # fmt: skip
    assert sorted(set(columns) - words) == []


@pytest.mark.parametrize(
    ("group", "page"), [("workload", README), ("schedule", CHECKOUT / "docs" / "schedules.md")]
)
def test_every_shipped_file_of_a_group_is_named(group, page):
    assert sorted(set(shipped.names(group)) - set(inline_code(page))) == []


def test_the_page_says_of_each_workloads_spaces_what_their_files_say():
    """Whether a first stage narrowed them."""
    page = (CHECKOUT / "docs" / "search-spaces.md").read_text(encoding="utf-8")
    section = page.partition("### Where each shipped space comes from")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    for folder in sorted((CHECKOUT / "conf" / "search_space").iterdir()):
        (row,) = (line for line in rows if f"`{folder.name}`" in line.split("|")[1])
        text = (folder / "sgd.yaml").read_text(encoding="utf-8").replace("\n# ", " ")
        broad = "no run of this project has narrowed" in text.lower()
        assert broad == ("no first stage" in row), row


SCRIPTS = {
    words[1]: words[2:]
    for page in PAGES
    for code in inline_code(page)
    if (words := code.split())[:1] == ["python"] and words[1].startswith("scripts/")
}


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_every_script_tells_what_it_takes(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    monkeypatch.setattr(sys, "path", [str(CHECKOUT / "scripts"), *sys.path])
    monkeypatch.chdir(CHECKOUT)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(script, run_name="__main__")
    assert not ended.value.code
    told = capsys.readouterr().out
    assert "usage:" in told
    for option in (word for word in SCRIPTS[script] if word.startswith("-")):
        assert option in told


def test_the_picture_of_schedules_is_drawn_by_its_script(monkeypatch, tmp_path):
    out = tmp_path / "schedules.png"
    monkeypatch.setattr(sys, "argv", ["draw_schedules.py", "--out", str(out)])
    runpy.run_path(str(CHECKOUT / "scripts" / "draw_schedules.py"), run_name="__main__")
    assert out.read_bytes().startswith(b"\x89PNG")
