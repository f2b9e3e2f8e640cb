from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lepton_lab import panels
from lepton_lab.events import LineOffered, NamesChanged
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
        "cnn": (Measure(0.95, 40_000, 30_000, 50e-6, dataset="digits"),),
        "cnn-int8": (Measure(0.94, 10_000, 8_000, 20e-6, dataset="digits"),),
    }
    return lab


def picture_of(panel: panels.Panel) -> Any:
    panel._gather()
    return panel._picture()


def test_the_legend_has_what_is_there(filled: Events) -> None:
    picture = picture_of(panels.open(filled, "compression"))
    assert len(picture.plots) == 3 and "3 models" in picture.title
    stages = ["trained", "int8", "size of its own file, not measured"]
    assert [mark.name for mark in picture.legend] == [*stages, "front: none is cheaper and as good"]
    del filled.model.found["cnn-int8"], filled.model.found["mlp"]
    assert [mark.name for mark in picture_of(panels.open(filled, "compression")).legend] == ["trained"]


def test_a_model_is_drawn_on_all_rows_that_it_was_measured_on(filled: Events) -> None:
    on_choice = Measure(0.96, 40_000, 30_000, 50e-6, dataset="digits-choice")
    filled.model.measured["cnn"] += (on_choice,)
    panel = panels.open(filled, "compression")
    picture = picture_of(panel)
    assert "3 models" in picture.title and picture.offer.names == ("cnn", "cnn-int8", "mlp")
    assert len(picture.plots) == 6 and [row[0] for row in panel.table().rows] == ["cnn", "cnn", "cnn-int8", "mlp"]


def test_who_was_never_tried_is_left_out(filled: Events, tmp_path: Path) -> None:
    filled.model.found = {"new": model_of("new", tmp_path / "new", "new")}
    assert "yet" in str(panels.open(filled, "compression"))


def test_the_lines_of_the_chosen_model_are_offered(filled: Events) -> None:
    panel = panels.open(filled, "compression")
    assert picture_of(panel).offer.lines == ()
    panel._write()
    panel._choose("cnn-int8")
    offer = picture_of(panel).offer
    assert offer.names == ("cnn", "cnn-int8", "mlp")
    lines = ("%lepton train cnn --data digits", "%lepton compress cnn quantize")
    assert (offer.chosen, offer.lines) == ("cnn-int8", lines)
    panel._write()
    assert [event.line for event in filled.events.recent(LineOffered)] == ["\n".join(lines)]
    del filled.model.found["cnn-int8"]
    filled.events.publish(NamesChanged("model", "cnn-int8"))
    assert picture_of(panel).offer.chosen == ""


def test_the_table_has_every_figure_and_line(filled: Events) -> None:
    text = str(panels.open(filled, "compression"))
    assert "cnn-int8" in text and "20 \u00b5s a row" in text and "%lepton compress cnn quantize" in text
