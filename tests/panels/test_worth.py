from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lepton_lab.panels._judged import Judged, judge
from lepton_lab.panels._picture import DotPlot
from lepton_lab.panels._worth import plots_of
from lepton_lab.types import Measure
from tests.panels.conftest import model_of

Make = Callable[..., Judged]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a judged model of a name, a measure and a stage."""

    def make(name: str, measure: Measure | None, stage: str = "int8") -> Judged:
        judged = judge(model_of(name, tmp_path / name, stage), measure)
        assert judged is not None
        return judged

    return make


def measured(worth: float, kilobytes: int, microseconds: float = 10.0, **others: Any) -> Measure:
    return Measure(worth, kilobytes * 1000, kilobytes * 500, microseconds * 1e-6, **others)


def front(plot: DotPlot) -> list[str]:
    return [plot.dots[i].name for i in plot.front]


def test_three_plots_of_what_was_recorded(make: Make) -> None:
    size, zipped, latency = plots_of(
        [make("cnn", measured(0.95, 40, 50)), make("small", measured(0.94, 10, 20)), make("mlp", None)]
    )
    assert [plot.title for plot in (size, zipped, latency)] == [
        "Accuracy by file size, kB",
        "Accuracy by gzip size, kB",
        "Accuracy by latency, \u00b5s a row",
    ]
    assert {(dot.name, dot.x, dot.y, dot.is_filled) for dot in size.dots} == {
        ("cnn", 40.0, 0.95, True),
        ("small", 10.0, 0.94, True),
        ("mlp", 1.0, 0.9, False),
    }
    assert [dot.x for dot in zipped.dots] == [5.0, 20.0]
    assert [dot.x for dot in latency.dots] == pytest.approx([20.0, 50.0])


def test_the_front_is_who_no_other_beats_in_this_plot(make: Make) -> None:
    size, _, latency = plots_of(
        [
            make("large", measured(0.95, 40, 10)),
            make("beaten", measured(0.92, 30, 30)),
            make("small", measured(0.94, 10, 50)),
            make("least", measured(0.90, 5, 5)),
            make("unmeasured", None),
        ]
    )
    assert front(size) == ["least", "small", "large"]
    assert front(latency) == ["least", "large"]


def test_a_small_error_is_worth_more(make: Make) -> None:
    size, *_ = plots_of([make("one", measured(2.5, 40, metric="mae")), make("two", measured(2.0, 30, metric="mae"))])
    assert size.title.startswith("Mean absolute error") and front(size) == ["two"]


def test_who_was_judged_on_other_rows_or_by_another_metric_is_drawn_apart(make: Make) -> None:
    plots = plots_of(
        [
            make("a", measured(0.9, 1, dataset="digits-choice")),
            make("b", measured(0.9, 1, dataset="digits")),
            make("c", measured(0.9, 1, dataset="digits")),
            make("d", measured(0.9, 1, dataset="digits", split="train")),
            make("e", measured(0.9, 1, dataset="digits", metric="mae")),
        ]
    )
    assert [[dot.name for dot in plot.dots] for plot in plots[::3]] == [["b", "c"], ["a"], ["d"], ["e"]]
    assert "(digits-choice)" in plots[3].title and "(digits/train)" in plots[6].title


def test_accuracies_of_both_names_share_their_plots(make: Make) -> None:
    assert len(plots_of([make("a", measured(0.9, 1)), make("b", measured(0.9, 1, metric="binary_accuracy"))])) == 3


def test_nothing_yet() -> None:
    assert plots_of([]) == ()
