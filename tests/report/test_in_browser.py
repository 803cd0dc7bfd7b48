"""The report's page in a real headless Chromium: it draws, answers the pointer, sorts, filters, toggles."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.analysis.checking import check
from harness.analysis.reading import Results
from harness.report.comparison import analyse
from harness.report.page import render
from harness.report.writing import write_report
from tests.report import browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(browser.missing()), reason=browser.missing()),
]
ROWS = "return [...document.querySelectorAll('#all-trials tbody tr')].map(r => r.cells[{}].textContent)"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser.chromium(tmp_path_factory.mktemp("profile")) as driven:
        yield driven


@pytest.fixture
def page(driver: Any, written: Path) -> Any:
    """The made-up report, opened from disk; its console is empty again afterwards."""
    driver.get((written / "report.html").as_uri())
    yield driver
    assert driver.get_log("browser") == []


def until(condition: Callable[[], Any], seconds: float = 15) -> Any:
    """What the condition gives once it is true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "the page did not get there"
        time.sleep(0.05)
    return value


def find(page: Any, selector: str) -> Any:
    return page.find_element("css selector", selector)


def draw_all(page: Any) -> None:
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    until(lambda: page.execute_script(
        "return [...document.querySelectorAll('.canvas')].every(e => e.classList.contains('js-plotly-plot'))"
    ))  # fmt: skip


def test_it_opens_from_disk_without_errors_or_requests(page: Any) -> None:
    draw_all(page)
    assert page.execute_script("return document.querySelectorAll('.canvas').length") == 2 * 7
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert "made-up digits" in page.title
    headline = find(page, ".headline").text
    assert headline.startswith("Tuned with 9 feasible trials each")


def test_trials_sort_by_mouse_and_by_keyboard(page: Any) -> None:
    errors = [float(text) for text in page.execute_script(ROWS.format(5)) if text]
    assert errors == sorted(errors)  # the best first
    heading = "#all-trials th:nth-child(3) button"
    find(page, heading).click()
    assert [int(text) for text in page.execute_script(ROWS.format(2))][:9] == [0] * 9
    find(page, heading).send_keys("\ue007")  # Enter
    numbers = [int(text) for text in page.execute_script(ROWS.format(2))]
    assert numbers == sorted(numbers, reverse=True)
    assert find(page, "#all-trials th:nth-child(3)").get_attribute("aria-sort") == "descending"
    assert (
        page.execute_script(
            "return document.querySelectorAll('#all-trials [aria-sort$=ending]').length"
        )
        == 1
    )


def test_other_tables_sort_with_nothing_last(page: Any) -> None:
    find(page, "#w0 table.sorted th:nth-child(3) button").click()
    script = "return [...document.querySelectorAll('#w0 table.sorted')[0].tBodies[0].rows].map(r => r.cells[2].dataset.value)"
    values = page.execute_script(script)
    assert values[-1] == ""  # adadelta has no feasible trial
    assert [float(v) for v in values[:-1]] == sorted(float(v) for v in values[:-1])


def test_trials_filter_and_turn_pages(page: Any) -> None:
    count = find(page, "#count")
    assert count.text == "600 of 600 trials"
    find(page, "#filter-text").send_keys("adam diverged")
    shown = int(count.text.split()[0])
    assert 0 < shown < 100
    assert {text.strip() for text in page.execute_script(ROWS.format(3))} == {"diverged"}
    assert {text.strip() for text in page.execute_script(ROWS.format(1))} <= {"Adam", "NAdam"}
    find(page, "#filter-text").clear()
    find(page, "#filter-workload").send_keys("made-up text")
    assert count.text == "240 of 600 trials"
    first = page.execute_script(ROWS.format(5))
    find(page, "#next").click()
    assert page.execute_script(ROWS.format(5)) != first
    assert find(page, "#page").text == "page 2 of 5"


def test_a_row_gives_its_command(page: Any) -> None:
    row = find(page, "#all-trials tbody tr")
    trial = row.find_elements("tag name", "td")[1].text
    row.find_element("tag name", "summary").click()
    command = row.find_element("tag name", "code").text
    assert command.startswith("harness 'workload=made-up")
    assert command.endswith(f"num_trials=1 first_trial={trial}")
    row.find_element("css selector", "details button").click()
    until(lambda: row.find_element("css selector", "details button").text == "Copied")


def test_a_switch_hides_an_optimizer_everywhere(page: Any) -> None:
    draw_all(page)
    adam = find(page, "label.chip:nth-child(4) input")
    place = int(adam.get_attribute("data-optimizer"))
    visible = f"""return [...document.querySelectorAll('.canvas')].flatMap(e => e.data)
        .filter(t => t.meta === {place}).map(t => t.visible)"""
    assert set(page.execute_script(visible)) == {True}
    adam.send_keys(" ")  # by keyboard
    assert set(page.execute_script(visible)) == {False}
    assert find(page, "#count").text == "480 of 600 trials"
    adam.send_keys(" ")
    assert set(page.execute_script(visible)) == {True}


def test_figures_give_values_under_the_pointer(page: Any) -> None:
    from selenium.webdriver import ActionChains

    figure = find(page, "#w0-confidence")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", figure)
    until(lambda: figure.find_elements("css selector", ".points path"))
    point = figure.find_elements("css selector", ".points path")[2]
    ActionChains(page).move_to_element(point).perform()
    text = until(
        lambda: page.execute_script(
            "return document.querySelector('#w0-confidence .hoverlayer').textContent"
        )
    )
    assert "SGD, K = 4" in text
    assert "90% interval" in text


def test_the_explorer_takes_other_axes(page: Any) -> None:
    draw_all(page)
    assert find(page, "#w0-explorer + figcaption").text.startswith("One mark a trial; crosses")
    axis = "return document.querySelector('#w0-explorer').layout.xaxis.title.text"
    assert page.execute_script(axis).startswith("learning rate (")
    find(page, "[data-explorer-x=w0]").send_keys("1 − momentum")
    assert until(lambda: page.execute_script(axis) == "1 − momentum")


def test_of_many_trials_the_explorer_draws_an_even_part(driver: Any, tmp_path: Path) -> None:
    count = 1000
    halton = np.array([int(f"{trial:010b}"[::-1], 2) for trial in range(count)]) / 1024
    trials = pd.concat([
        pd.DataFrame({"workload": "made-up", "optimizer": name, "trial": range(count),
                      "status": "complete", "val_error": 0.5, "hp.lr": halton})
        for name in "abcdef"
    ])  # fmt: skip
    found = Results(check(trials), None, {})
    (tmp_path / "report.html").write_text(render(analyse(found)), "utf-8")
    driver.get((tmp_path / "report.html").as_uri())
    draw_all(driver)
    x = driver.execute_script("return document.querySelector('#w0-explorer').data.map(t => t.x)")
    assert len(x) == 6
    for across in x:
        assert len(across) == pytest.approx(4000 / 6, abs=3)
        # Every second trial of a Halton sweep has its first coordinate in one half.
        assert np.mean(np.array(across) < 0.5) == pytest.approx(0.5, abs=0.02)
    caption = find(driver, "#w0-explorer + figcaption").text
    shown = f"{sum(map(len, x)):,}"
    assert caption.startswith(f"One mark a trial, {shown} of 6,000 drawn; crosses along the top")
    assert driver.get_log("browser") == []


def test_light_and_dark(page: Any) -> None:
    draw_all(page)
    look = "return [getComputedStyle(document.body).backgroundColor, document.querySelector('#w0-spread').layout.font.color]"
    light = page.execute_script(look)
    find(page, "#theme").click()
    dark = page.execute_script(look)
    assert light[0] == "rgb(253, 253, 252)"
    assert dark[0] == "rgb(20, 23, 27)"
    assert light[1] != dark[1]
    assert find(page, "#theme").get_attribute("aria-pressed") == "true"


def test_a_reader_that_does_not_see_finds_its_way(page: Any) -> None:
    draw_all(page)
    lacking = page.execute_script("""
        const without = (selector, test) => [...document.querySelectorAll(selector)].filter(e => !test(e)).length;
        return {
          captions: without('table', t => t.caption && t.caption.textContent.trim()),
          headings: without('thead th', h => h.scope === 'col'),
          sorted: without('thead th button', b => b.parentElement.hasAttribute('aria-sort')),
          figures: without('.canvas', f => f.getAttribute('aria-label')),
          regions: without('.scroll', r => r.tabIndex === 0 && r.getAttribute('aria-label')),
          fields: without('select, input', f => f.closest('label')),
          buttons: without('main button, header button', b => b.textContent.trim()),
          language: without('html', h => h.lang === 'en'),
        }""")  # fmt: skip
    assert set(lacking.values()) == {0}, lacking


def test_phone_width_scrolls_tables_not_the_page(written: Path, tmp_path: Path) -> None:
    with browser.chromium(tmp_path, width=390, height=844, theme="dark") as phone:
        phone.get((written / "report.html").as_uri())
        draw_all(phone)
        assert phone.execute_script("return document.documentElement.scrollWidth") == 390
        assert phone.execute_script("return document.documentElement.dataset.theme") == "dark"
        assert find(phone, "#w0-errors").size["height"] > 450  # its panels under each other
        assert phone.get_log("browser") == []


@pytest.mark.parametrize(
    "what",
    [
        "markup",
        pytest.param("one trial", marks=pytest.mark.slow),
        pytest.param("all diverged", marks=pytest.mark.slow),
        pytest.param("no search space", marks=pytest.mark.slow),
    ],
)
def test_odd_tables_open_without_errors(driver: Any, tmp_path: Path, what: str, capsys) -> None:
    head = "workload,optimizer,trial,status,val_error"
    csv = {
        "markup": f'{head},hp.<img src=x onerror=alert(2)>\n"<b>w</b>","</script><img src=x onerror=alert(1)>",0,complete,.1,1\n',
        "one trial": f"{head},hp.lr\nw,adam,0,complete,.1,1\n",
        "all diverged": f"{head},hp.lr\nw,adam,0,diverged,,1\nw,sgd,0,diverged,,2\n",
        "no search space": f"{head}\nw,adam,0,complete,0\nw,adam,1,complete,.5\nv,sgd,0,complete,20\n",
    }[what]
    (tmp_path / "trials.csv").write_text(csv, encoding="utf-8")
    write_report(tmp_path / "trials.csv", tmp_path / "out")
    driver.get((tmp_path / "out" / "report.html").as_uri())
    draw_all(driver)
    assert (
        driver.execute_script(
            "return document.querySelectorAll('main img, main b:not(.hoverlayer b)').length"
        )
        == 0
    )
    assert driver.get_log("browser") == []
    shutil.rmtree(tmp_path / "out")


def test_a_trials_own_curve_opens_and_closes(page: Any) -> None:
    opener = find(page, "#all-trials .opener")
    trial = opener.text
    opener.click()
    dialog = find(page, "#trial")
    assert until(lambda: dialog.get_attribute("open"))
    assert find(page, "#trial-title").text.endswith(f", trial {trial}")
    until(lambda: find(page, "#trial-curve").find_elements("css selector", ".scatterlayer .trace"))
    names = page.execute_script(
        "return document.querySelector('#trial-curve').data.map(t => t.name)"
    )
    assert names == ["validation error rate", "test error rate", "training loss"]
    steps = page.execute_script("return document.querySelector('#trial-curve').data[0].x.length")
    assert steps == 10
    find(page, "#trial button").click()
    assert until(lambda: dialog.get_attribute("open") is None)
    diverged = find(page, "#filter-text")
    diverged.send_keys("diverged")  # those have no curve here
    assert not page.find_elements("css selector", "#all-trials .opener")
    diverged.clear()
    diverged.send_keys(" ")


def test_a_point_of_the_explorer_opens_its_trial(page: Any) -> None:
    draw_all(page)
    point = (
        "document.querySelector('#w0-explorer').emit('plotly_click', {points: [{customdata: 0}]})"
    )
    page.execute_script(point)
    assert until(lambda: find(page, "#trial").get_attribute("open"))
    page.execute_script("document.querySelector('#trial').close()")


def test_pairs_are_told_with_their_intervals(page: Any) -> None:
    rows = page.execute_script("""
        const table = [...document.querySelectorAll('#w0 table')].find(t => t.textContent.includes('Rival'));
        return [...table.tBodies[0].rows].map(r => [...r.cells].map(c => c.textContent.trim()))""")
    assert len(rows) == 10  # of five, adadelta always diverges
    assert {row[1] for row in rows} <= {"better", "worse", "can't tell"}
    assert all("–" in row[4] for row in rows)
