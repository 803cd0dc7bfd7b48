"""All figures by name: the whole set drawn, each with its numbers beside it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from harness.analysis.checking import check
from harness.analysis.reading import Results
from harness.analysis.selected import errors
from harness.analysis.tuning_curves import in_cells
from harness.figures import budget_curves, selected
from harness.report import catalogue
from harness.report.comparison import answerable
from harness.report.question import Question
from tests.analysis import made_up


@pytest.fixture(scope="module")
def results() -> Results:
    return made_up.results()


def words(figure: Figure) -> str:
    return "\n".join(
        text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))
    )


def test_names_that_are_long_or_look_like_mathematics_are_drawn_as_they_are(tmp_path: Path) -> None:
    odd = check(pd.DataFrame({
        "workload": "$\\frac{$ <b> " + "very long " * 10, "optimizer": ["$x_{", "torch.optim.AdamW" * 4],
        "trial": 0, "status": "complete", "val_error": [0.0, 0.5],
    }))  # fmt: skip
    drawn = catalogue.save_figure("odd", in_cells(odd), budget_curves.draw, tmp_path, "")
    assert all(path.stat().st_size > 1000 for path in drawn.paths if path.suffix != ".csv")


def test_the_whole_set_is_drawn_with_its_numbers_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "FORMATS", ("svg",))  # all formats are drawn below
    drawn = list(catalogue.draw_all(made_up.two_optimizers(), tmp_path))
    assert {each.name for each in drawn if not each.reason} == {
        "figure_1_errors", "figure_2_steps_to_target", "figure_5_axes_made-up_digits",
        "figure_6_tuning_curves", "figure_9_by_training_loss",
        "figure_10_targets_and_budgets_made-up_digits", "rank_probability", "inclusion_probability",
        "failure_map_made-up_digits", "selection_bias", "learning_curves", "slices_made-up_digits",
    }  # fmt: skip
    for each in drawn:
        assert [path.suffix for path in each.paths] == [".csv", ".svg"]
        assert len(pd.read_csv(each.paths[0]))


def entry(name: str) -> catalogue.Entry:
    return next(entry for entry in catalogue.CATALOGUE if entry.name == name)


def test_tuning_curves_of_the_steps_to_a_target_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "CATALOGUE", (entry("figure_6_tuning_curves"),))
    monkeypatch.setattr(catalogue, "FORMATS", ("svg",))
    question = Question("steps_to_target", target=0.2)
    (drawn,) = catalogue.draw_all(made_up.two_optimizers(), tmp_path, question)
    assert drawn.reason == ""
    frame = pd.read_csv(drawn.paths[0])
    assert set(frame["metric"]) == {"steps_to_target"}
    assert frame["share_reached"].dropna().between(0, 1 + 1e-9).all()


def test_what_selects_is_asked_for_and_named(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = -results.trials["val_error"]  # the worst first
    other = results._replace(trials=results.trials.assign(train_loss=loss))
    by_loss = results._replace(trials=results.trials.assign(val_error=loss))
    question = Question(select_by="train_loss")
    for name in ("rank_probability", "inclusion_probability"):
        drawn = entry(name).numbers(other, question)
        pd.testing.assert_frame_equal(drawn, entry(name).numbers(by_loss, Question()))
    notes: list[str] = []
    monkeypatch.setattr(catalogue, "save_figure", lambda *given, **_: notes.append(given[4]))
    for name in ("rank_probability", "figure_1_errors"):
        list(catalogue.draw_entry(entry(name), other, tmp_path, question))
    assert notes == [f"{results.sampler()} The lowest training loss selects.", results.sampler()]


@pytest.mark.slow
def test_where_every_trial_counts_the_figures_that_have_a_choice_say_so(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: dict[str, str] = {}
    monkeypatch.setattr(
        catalogue, "save_figure", lambda *given, **_: notes.update({given[0]: given[4]})
    )
    list(catalogue.draw_all(results, tmp_path, Question(count_infeasible=True)))
    saying = {name for name, note in notes.items() if "Every trial counts" in note}
    assert saying == {
        "figure_1_errors", "figure_2_steps_to_target", "figure_6_tuning_curves",
        "figure_9_by_training_loss", "figure_10_targets_and_budgets_made-up_digits",
        "figure_10_targets_and_budgets_made-up_text", "rank_probability", "inclusion_probability",
    }  # fmt: skip
    plain, every = (
        entry("figure_6_tuning_curves").numbers(answerable(results, question), question)
        for question in (Question(), Question(count_infeasible=True))
    )
    assert "every_trial_counts" not in plain
    assert every["every_trial_counts"].all()


def test_pictures_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    frame = errors(made_up.two_optimizers().trials)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        catalogue.save_figure("figure", frame, selected.draw_errors, tmp_path / folder, "")
    assert len(list((tmp_path / "a").iterdir())) == 3
    for suffix in ("png", "svg", "csv"):
        assert (tmp_path / f"a/figure.{suffix}").read_bytes() == (
            tmp_path / f"b/figure.{suffix}"
        ).read_bytes()


def test_a_set_without_a_feasible_trial_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "FORMATS", ("svg",))
    lost = check(pd.DataFrame({"workload": "w", "optimizer": ["sgd", "adam"], "trial": 0,
                                     "status": "diverged", "val_error": None, "hp.lr": 1.0}))  # fmt: skip
    drawn = list(catalogue.draw_all(Results(lost, None, {}), tmp_path))
    reasons = {each.name: each.reason for each in drawn if each.reason}
    assert "learning curves" in reasons["learning_curves"]
    assert "figure_1_errors" not in reasons  # drawn, with the word in every cell
    assert words(budget_curves.draw(in_cells(lost))).count("no feasible trial") == 3
