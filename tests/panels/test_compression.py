from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from lepton_lab import panels
from lepton_lab.events import LineOffered, NamesChanged
from lepton_lab.panels._compression import judge
from lepton_lab.types import Measure
from tests.panels.conftest import Events, model_of


@pytest.fixture
def filled(lab: Events, tmp_path: Path) -> Events:
    """Two models, of which one was made from the other, and one that nobody compressed."""
    lab.model.found = {
        "cnn": model_of("cnn", tmp_path / "cnn", accuracy=0.95),
        "cnn-int8": model_of("cnn-int8", tmp_path / "int8", "int8", "cnn", 0.94),
        "mlp": model_of("mlp", tmp_path / "mlp", accuracy=0.9),
    }
    lab.model.measured = {
        "cnn": Measure(0.95, 40_000, 30_000, 50e-6),
        "cnn-int8": Measure(0.94, 10_000, 8_000, 20e-6),
    }
    return lab


def picture_of(panel: panels.Panel) -> Any:
    panel._gather()
    return panel._picture()


def test_three_plots_of_what_was_recorded(filled: Events) -> None:
    picture = picture_of(panels.open(filled, "compression"))
    size, zipped, latency = picture.plots
    assert [plot.title for plot in picture.plots] == [
        "Accuracy against size of the file, kB",
        "Accuracy against size after gzip, kB",
        "Accuracy against latency, \u00b5s a row",
    ]
    assert [(dot.name, dot.x, dot.y, dot.is_filled) for dot in size.dots] == [
        ("cnn", 40.0, 0.95, True),
        ("cnn-int8", 10.0, 0.94, True),
        ("mlp", 1.0, 0.9, False),
    ]
    assert [dot.x for dot in zipped.dots] == [30.0, 8.0]
    assert [dot.x for dot in latency.dots] == pytest.approx([50.0, 20.0])
    assert size.links == ((0, 1),)
    assert size.dots[1].words == "accuracy 94.00%, 10.0 kB, 8.0 kB after gzip, 20 \u00b5s a row, 1,234 parameters, int8"
    assert [mark.name for mark in picture.legend] == ["trained", "int8", "size of its own file, not measured"]


def test_stages_differ_in_shape_too(filled: Events) -> None:
    dots = picture_of(panels.open(filled, "compression")).plots[0].dots
    assert dots[0].shape != dots[1].shape and dots[0].color != dots[1].color


def test_models_judged_by_another_metric_have_plots_of_their_own(filled: Events) -> None:
    filled.model.measured["mlp"] = Measure(2.5, 100, 100, 1e-6, metric="mae")
    titles = [plot.title for plot in picture_of(panels.open(filled, "compression")).plots]
    assert len(titles) == 6 and titles[3] == "Mean absolute error against size of the file, kB"


def test_accuracies_of_both_names_share_their_plots(filled: Events) -> None:
    filled.model.measured["cnn-int8"] = Measure(0.94, 10_000, 8_000, 20e-6, metric="binary_accuracy")
    assert len(picture_of(panels.open(filled, "compression")).plots) == 3


def test_a_model_that_diverged_is_left_out(filled: Events) -> None:
    filled.model.measured["cnn"] = Measure(math.nan, 40_000, 30_000, 50e-6)
    panel = panels.open(filled, "compression")
    assert [dot.name for dot in picture_of(panel).plots[0].dots] == ["cnn", "cnn-int8", "mlp"]
    filled.model.found["mlp"].metrics["test_accuracy"] = math.nan  # type: ignore[index]
    assert [one.model.name for one in (judge(m, None) for m in filled.model.found.values()) if one] == [
        "cnn",
        "cnn-int8",
    ]


def test_who_was_never_tried_is_left_out(filled: Events, tmp_path: Path) -> None:
    filled.model.found = {"new": model_of("new", tmp_path / "new", "new")}
    assert "yet" in str(panels.open(filled, "compression"))


def test_the_chosen_models_line_is_offered(filled: Events) -> None:
    panel = panels.open(filled, "compression")
    assert picture_of(panel).offer.line == ""
    panel._write()
    panel._choose("cnn-int8")
    offer = picture_of(panel).offer
    assert offer.names == ("cnn", "cnn-int8", "mlp")
    assert (offer.chosen, offer.line) == ("cnn-int8", "%lepton compress cnn quantize")
    panel._write()
    assert [event.line for event in filled.events.recent(LineOffered)] == ["%lepton compress cnn quantize"]
    del filled.model.found["cnn-int8"]
    filled.events.publish(NamesChanged("model", "cnn-int8"))
    assert picture_of(panel).offer.chosen == ""


def test_the_table_has_every_figure_and_line(filled: Events) -> None:
    text = str(panels.open(filled, "compression"))
    assert "cnn-int8" in text and "20 \u00b5s a row" in text and "%lepton compress cnn quantize" in text
