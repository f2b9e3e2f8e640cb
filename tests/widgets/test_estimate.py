"""The estimate against what gzip makes of weights that are really so shaped."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from lepton_lab.compress import Shape
from lepton_lab.widgets._estimate import estimate

COUNT = 50_000


def weights_of(shape: Shape) -> bytes:
    """Weights from a normal distribution, the least of them zero, the rest at evenly filled places; seeded."""
    weights = np.random.default_rng(0).normal(0, 0.05, COUNT).astype("float32")
    weights[np.argsort(np.abs(weights))[: round(shape.zeros * COUNT)]] = 0
    if shape.values is not None:
        others = weights != 0
        num = shape.values - (shape.zeros > 0)
        ends = np.quantile(weights[others], np.arange(1, num) / num)
        places = np.digitize(weights[others], ends)
        weights[others] = np.array([weights[others][places == i].mean() for i in range(num)])[places]
    if shape.bits == 8:
        return np.round(weights / np.abs(weights).max() * 127).astype("int8").tobytes()
    return weights.astype("float16" if shape.bits == 16 else "float32").tobytes()


@pytest.mark.parametrize("bits", [32, 16, 8])
@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("values", [None, 8, 16, 64])
def test_the_estimate_of_gzip(bits: float, zeros: float, values: int | None) -> None:
    shape = Shape(bits, zeros, values)
    content = weights_of(shape)
    (raw, packed), (no_raw, no_packed) = estimate(COUNT, shape), estimate(0, shape)
    assert raw - no_raw == len(content)
    assert packed - no_packed == pytest.approx(len(gzip.compress(content, 9)), rel=0.2)


def test_fewer_parameters_take_less() -> None:
    assert estimate(1000, Shape(kept=0.25)) == estimate(250, Shape())
