"""The control that suits a type."""

from __future__ import annotations

import numpy as np
import pytest

from lepton_lab.commands import VERBS, Part, Source, Text, find
from lepton_lab.widgets._controls import make_control, make_slider, suggestions


@pytest.mark.parametrize(
    ("verb", "name", "control"),
    [
        ("train", "model", "Dropdown"),
        ("train", "strategy", "Dropdown"),
        ("train", "warm_start", "Checkbox"),
        ("train", "optimizer", "Combobox"),
        ("train", "epochs", "Text"),
        ("model new", "builder", "Textarea"),
        ("data load", "source", "Combobox"),
        ("predict", "rows", "Combobox"),
        ("cluster up", "memory", "Text"),
    ],
)
def test_each_type_has_its_own(verb: str, name: str, control: str) -> None:
    assert type(make_control(find(verb.split())[0].parameter(name))).__name__ == control


def test_each_control_has_its_label() -> None:
    for verb in VERBS:
        for parameter in verb.parameters:
            assert make_control(parameter).description == parameter.name.replace("_", " ")


def test_a_number_with_both_bounds_has_a_slider() -> None:
    compress, show = find(["compress"])[0], find(["data", "show"])[0]
    sparsity = make_slider(compress.parameter("sparsity"))
    assert (sparsity.min, sparsity.max, sparsity.value) == (0.01, 0.99, 0.8)
    rows = make_slider(show.parameter("rows"))
    assert (rows.min, rows.max, rows.value) == (1, 100, 12)
    assert make_slider(compress.parameter("epochs")) is None


def test_several_values_go_on_from_the_last_comma() -> None:
    kind = Text(("flip", "shift", "brightness"), several=True)
    assert suggestions(kind, "", {}) == ["flip", "shift", "brightness"]
    assert suggestions(kind, "flip,sh", {}) == ["flip,shift", "flip,brightness"]
    parts = Part(("TopK(k=5,name=a)", "auc"), several=True)
    assert suggestions(parts, "TopK(k=5,name=a),", {}) == ["TopK(k=5,name=a),auc"]


def test_variables_that_may_be_meant() -> None:
    namespace = {"x": np.zeros(3), "_hidden": np.zeros(3), "number": 3, "np": np}
    assert suggestions(Source(("digits",)), "", namespace) == ["digits", "x"]
