import math
from pathlib import Path

import numpy as np
import pytest

from lepton_lab.compress._base import Rule
from lepton_lab.compress._drift import Drift, drifts
from lepton_lab.compress._quantizer import apply
from lepton_lab.runtime import Interpreter, load_keras, open_rows, to_tflite
from lepton_lab.types import Dataset
from tests.models_fixture import keras, make_of_zoo


def test_decibels() -> None:
    assert Drift(100.0, 1.0, 0.5).sqnr == pytest.approx(20)
    assert Drift(100.0, 0.0).sqnr == math.inf == Drift().sqnr
    assert Drift(0.0, 1.0, 1.0).sqnr == -math.inf == Drift(1.0, math.nan, math.nan).sqnr
    assert Drift(1.0, 2.0, 3.0) + Drift(4.0, 5.0, 1.0) == Drift(5.0, 7.0, 3.0)


def test_the_sums_are_those_over_all_rows(digits: Dataset) -> None:
    """Said by hand of the answers, which each file gives by itself."""
    content = to_tflite(load_keras(make_of_zoo("mlp").file))
    small = apply(content, [Rule("dynamic4")])
    rows = np.asarray(open_rows(digits, "train")[0][:20], np.float32)
    found = drifts(content, small, rows).answers
    before, after = (np.concatenate([Interpreter(file).run(row[None]) for row in rows]) for file in (content, small))
    difference = before.astype(np.float64) - after
    assert found is not None and found.greatest == pytest.approx(np.abs(difference).max())
    assert found.sqnr == pytest.approx(10 * np.log10(np.square(before).sum() / np.square(difference).sum()), rel=1e-5)
    assert found.sqnr < 60


def test_noise_of_a_known_size(tmp_path: Path) -> None:
    """Weights that are all one hundredth too large make answers that are so too: 40 dB."""
    rows = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    layers, files = keras().layers, []
    for scale in (1.0, 1.01):
        model = keras().Sequential([keras().Input((4,)), layers.Dense(3, use_bias=False, name="only")], name="m")
        model.set_weights([scale * np.arange(12, dtype=np.float32).reshape(4, 3)])
        files.append(to_tflite(model))
    assert drifts(files[0], files[1], rows).answers.sqnr == pytest.approx(40, abs=0.01)  # type: ignore[union-attr]


def test_answers_of_another_shape(digits: Dataset) -> None:
    layers = keras().layers
    one, two = (
        to_tflite(keras().Sequential([keras().Input((8, 8, 1)), layers.Flatten(), layers.Dense(n, name="last")]))
        for n in (10, 2)
    )
    rows = np.asarray(open_rows(digits, "train")[0][:3], np.float32)
    found = drifts(one, two, rows)
    assert found.answers is None and not [name for name in found.nodes if "last" in name]
