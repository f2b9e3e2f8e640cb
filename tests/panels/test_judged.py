from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from lepton_lab.panels._judged import judge
from lepton_lab.types import Measure
from tests.panels.conftest import model_of


def test_what_was_measured_comes_first(tmp_path: Path) -> None:
    judged = judge(model_of("cnn-int8", tmp_path / "m", "int8", "cnn"), Measure(0.94, 10_000, 8_000, 20e-6))
    assert judged is not None and (judged.worth, judged.num_bytes, judged.rows) == (0.94, 10_000, "digits/test")
    assert judged.words() == (
        "accuracy 94.00% on digits/test, 10.0 kB, 8.0 kB after gzip, 20 \u00b5s a row, 1,234 parameters, int8"
    )


def test_else_what_the_model_remembers(tmp_path: Path) -> None:
    judged = judge(model_of("cnn", tmp_path / "m"), None)
    assert judged is not None and (judged.worth, judged.num_bytes) == (0.9, 1000)
    assert "1.0 kB (size of its own file, not measured)" in judged.words()


def test_of_several_targets_the_first_is_told(tmp_path: Path) -> None:
    metrics = {"test_tags_accuracy": 0.5, "test_kind_accuracy": 0.75}
    model = replace(
        model_of("cnn", tmp_path / "m"), metrics=metrics, target_classes={"kind": ("a", "b"), "tags": ("c",)}
    )
    judged = judge(model, None)
    assert judged is not None and judged.kind[0] == "Accuracy of kind" and judged.worth == 0.75
    assert judged.words().startswith("accuracy of kind 75.00% on ")
    measured = judge(model, Measure(2.5, 1, 1, 1e-6, metric="Unit_price_mae"))
    assert measured is not None and measured.words().startswith("mean absolute error of Unit_price 2.5 on ")
    labels = judge(model, Measure(0.5, 1, 1, 1e-6, metric="tags_binary_accuracy"))
    assert labels is not None and labels.kind[0] == "Accuracy of tags"


def test_the_rows_are_those_of_the_measure(tmp_path: Path) -> None:
    model = model_of("cnn", tmp_path / "m")
    here = judge(model, Measure(0.9, 1, 1, 1e-6, dataset="digits-choice"))
    there = judge(model, Measure(2.5, 1, 1, 1e-6, metric="mae", dataset="digits"))
    assert here is not None and here.kind == ("Accuracy", "digits-choice/test")
    assert there is not None and there.kind == ("Mean absolute error", "digits/test")
    unknown = judge(replace(model, dataset=None), None)
    assert unknown is not None and unknown.rows == "test"


def test_who_diverged_or_was_never_tried_has_none(tmp_path: Path) -> None:
    model, bad = model_of("cnn", tmp_path / "m"), Measure(math.nan, 40_000, 30_000, 50e-6)
    judged = judge(model, bad)
    assert judged is not None and judged.worth == 0.9
    assert judge(replace(model, metrics={"test_accuracy": math.nan}), bad) is None
    assert judge(replace(model, stage="new"), None) is None
