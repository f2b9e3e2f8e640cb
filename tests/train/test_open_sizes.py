"""Sizes that a model's inputs leave open are taken from rows, in its file, and nothing else of it is changed."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lepton_lab.errors import InputError
from lepton_lab.runtime import read_config
from lepton_lab.train._open_sizes import with_sizes


def file_of(path: Path, shapes: dict[str, list[int | None]], key: str = "batch_shape") -> Path:
    """A functional model's file, as far as it is looked at."""
    layers = [
        {"class_name": "InputLayer", "config": {"name": name, key: [None, *shape]}} for name, shape in shapes.items()
    ]
    places = [[name, 0, 0] for name in shapes]
    config = {"layers": layers, "input_layers": places, "output_layers": places}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Functional", "config": config}))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.0.0"}))
        archive.writestr("model.weights.h5", b"weights")
    return path


def shapes_in(path: Path, key: str = "batch_shape") -> list[Any]:
    return [layer["config"][key] for layer in read_config(path)[0]["config"]["layers"]]


@pytest.mark.parametrize("key", ["batch_shape", "batch_input_shape"])
def test_the_rows_sizes_are_taken(tmp_path: Path, key: str) -> None:
    file, target = file_of(tmp_path / "a.keras", {"words": [None]}, key), tmp_path / "b.keras"
    assert with_sizes(file, {"": (60,)}, target) == ("its input shape (None,) was taken as (60,), which its rows have",)
    assert shapes_in(target, key) == [[None, 60]] and shapes_in(file, key) == [[None, None]]
    with zipfile.ZipFile(target) as archive:
        assert archive.read("model.weights.h5") == b"weights"


def test_a_last_axis_of_1_says_nothing(tmp_path: Path) -> None:
    file, target = file_of(tmp_path / "a.keras", {"steps": [None, 1]}), tmp_path / "b.keras"
    with_sizes(file, {"": (50,)}, target)
    assert shapes_in(target) == [[None, 50, 1]]


def test_of_several_inputs_each_has_its_own(tmp_path: Path) -> None:
    file, target = file_of(tmp_path / "a.keras", {"a": [None, 3], "b": [5]}), tmp_path / "b.keras"
    assert len(with_sizes(file, {"b": (5,), "a": (7, 3)}, target)) == 1
    assert shapes_in(target) == [[None, 7, 3], [None, 5]]


def test_nothing_is_written_where_nothing_is_open_or_known(tmp_path: Path) -> None:
    target = tmp_path / "b.keras"
    assert with_sizes(file_of(tmp_path / "a.keras", {"x": [4]}), {"": (4,)}, target) == ()
    assert with_sizes(file_of(tmp_path / "a.keras", {"x": [None]}), {}, target) == ()
    assert not target.exists()


def test_rows_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.keras", {"x": [None, 3]})
    with pytest.raises(InputError, match=r"input shape is \(None, 3\), and rows of shape \(60,\) don't fit it"):
        with_sizes(file, {"": (60,)}, tmp_path / "b.keras")
