"""Pictures changed on their way in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.lab import Lab
from lepton_lab.train import AUGMENTATIONS
from lepton_lab.train._augment import augment, uniform
from tests.train_fixture import SOFTMAX, same, weights

ROWS = np.arange(200, dtype=np.int64)
ALL = AUGMENTATIONS


@pytest.fixture
def pictures() -> Any:
    return np.random.default_rng(0).integers(10, 200, (200, 8, 12, 3)).astype(np.uint8)


def test_flip_mirrors_half_of_them(pictures: Any) -> None:
    changed = augment(pictures, ("flip",), ROWS, 0, 1)
    mirrored = (changed == pictures[:, :, ::-1]).all(axis=(1, 2, 3))
    same_as_before = (changed == pictures).all(axis=(1, 2, 3))
    assert (mirrored ^ same_as_before).all()
    assert 70 < mirrored.sum() < 130


def test_shift_moves_by_a_tenth_at_most(pictures: Any) -> None:
    changed = augment(pictures, ("shift",), ROWS, 0, 1)
    moves = set()
    for before, after in zip(pictures, changed, strict=True):
        wide = np.pad(before, ((1, 1), (1, 1), (0, 0)), constant_values=before.min())
        fits = [
            (down, right)
            for down in (-1, 0, 1)
            for right in (-1, 0, 1)
            if (wide[1 - down : 9 - down, 1 - right : 13 - right] == after).all()
        ]
        assert len(fits) == 1
        moves.add(fits[0])
    assert len(moves) == 9


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_brightness_stays_within_a_fifth(pictures: Any, dtype: Any) -> None:
    changed = augment(pictures.astype(dtype), ("brightness",), ROWS, 0, 1)
    assert changed.dtype == dtype
    factors = changed.astype(float).mean(axis=(1, 2, 3)) / pictures.mean(axis=(1, 2, 3))
    assert 0.75 < factors.min() < 0.85
    assert 1.15 < factors.max() < 1.25
    bright = augment(np.full((200, 2, 2, 1), 250, np.uint8), ("brightness",), ROWS, 0, 1)
    assert bright.max() == 255
    assert bright.min() >= 199


def test_what_happens_to_a_row_follows_from_the_row(pictures: Any) -> None:
    whole = augment(pictures, ALL, ROWS, 7, 3)
    order = np.random.default_rng(1).permutation(200)
    assert (augment(pictures[order], ALL, ROWS[order], 7, 3) == whole[order]).all()
    assert (augment(pictures, ALL, ROWS, 7, 4) != whole).any()
    assert (augment(pictures, ALL, ROWS, 8, 3) != whole).any()


def test_draws_are_uniform_and_unlike_each_other() -> None:
    rows = np.arange(100_000)
    one, two = uniform(rows, 0, 1, 0), uniform(rows, 0, 1, 1)
    assert np.histogram(one, 10, (0, 1))[0] / 1e5 == pytest.approx(np.full(10, 0.1), abs=0.005)
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.02
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.02
    assert (one >= 0).all() and (one < 1).all()


def test_one_rank_and_two_see_the_same(lab: Lab) -> None:
    lab.model.new("changed", data="digits", builder=SOFTMAX)
    results = []
    for settings in ({"strategy": "single"}, {"strategy": "multiworker"}):
        lab.train("changed", "digits", epochs=2, batch_size=50, augment="flip,shift,brightness", **settings)  # type: ignore[arg-type]
        results.append(weights(lab, "changed"))
    assert same(*results)
    lab.train("changed", "digits", epochs=2, batch_size=50, strategy="single")
    assert not same(results[0], weights(lab, "changed"), 1e-3)


def test_what_can_not_be_changed(lab: Lab) -> None:
    lab.model.new("changed", data="digits", builder=SOFTMAX)
    with pytest.raises(UnknownNameError, match=r"no augmentation 'flipp'\. Did you mean 'flip'"):
        lab.train("changed", "digits", augment="flipp")
    rows = np.zeros((20, 3), np.float32)
    lab.data.load((rows, np.arange(20) % 2), name="columns", test_share=0)
    lab.model.new("columns", data="columns", kind="mlp")
    with pytest.raises(InputError, match="--augment flip is for pictures, but the rows are none"):
        lab.train("columns", "columns", augment="flip")
