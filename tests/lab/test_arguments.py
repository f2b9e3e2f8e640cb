"""Arguments of a wrong type, from Python: one line before any work; and NumPy's numbers, which are taken as numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.lab import Lab
from lepton_lab.lab._arguments import fitting
from lepton_lab.train import describe

WRONG: dict[str, tuple[Callable[[Lab], Any], str]] = {
    "batch_size": (lambda lab: lab.train("m", "d", batch_size="64"), "^batch_size is '64', expected a whole number.$"),
    "precision": (lambda lab: lab.train("m", "d", precision=16), "^precision is 16, expected a text"),
    "strategy": (lambda lab: lab.train("m", "d", strategy=None), "^strategy is None, expected a text"),
    "part of an epoch": (lambda lab: lab.train("m", "d", epochs=1.5), "^epochs is 1.5, expected a whole number"),
    "truth": (lambda lab: lab.train("m", "d", epochs=True), "^epochs is True, expected a whole number"),
    "clip_norm": (lambda lab: lab.train("m", "d", clip_norm="x"), "^clip_norm is 'x', expected a number or None"),
    "warm_start": (lambda lab: lab.train("m", "d", warm_start="yes"), "^warm_start is 'yes', expected True or False"),
    "keep": (lambda lab: lab.train("m", "d", keep="1"), "^keep is '1', expected a whole number"),
    "seed": (lambda lab: lab.train("m", "d", seed=-1), "^seed is -1, expected a whole number from 0 to 4294967295"),
    "large seed": (
        lambda lab: lab.model.new("m", seed=2**32),
        "^seed is 4294967296, expected a whole number from 0 to",
    ),
    "no name": (lambda lab: lab.data.get(None), "^name is None, expected a text"),
    "model": (lambda lab: lab.model.show(5), "^name is 5, expected a text"),
    "run": (lambda lab: lab.run.show(None), "^id is None, expected a text"),
    "a data set's name": (lambda lab: lab.data.load("digits", name=5), "^name is 5, expected a text or None"),
    "test_share": (lambda lab: lab.data.load("digits", test_share="0.2"), "^test_share is '0.2', expected a number"),
    "rows": (lambda lab: lab.data.show("d", rows="3"), "^rows is '3', expected a whole number"),
    "workers": (
        lambda lab: lab.cluster.up(workers=np.float32(1.5)),
        "^workers is 1.5, expected a whole number or None",
    ),
    "rows as a name": (lambda lab: lab.data.get(np.ones((2, 2))), r"^name is array\(\[\[1., 1.\], \[1., 1.\]\]\), exp"),
    "rows as a loss": (
        lambda lab: describe("loss", np.ones((2, 2))),
        r"^The loss is array\(\[\[1., 1.\], \[1., 1.\]\]\)",
    ),
    "rows as data": (lambda lab: lab.train("m", np.ones(3)), "^Got a ndarray, expected a data set's name"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_of_the_wrong_type_is_told(name: str, tmp_path: Path) -> None:
    call, message = WRONG[name]
    with pytest.raises(InputError, match=message) as caught:
        call(Lab(tmp_path / "new"))
    assert "\n" not in str(caught.value) and not (tmp_path / "new").exists()


def verb(
    self: Any, whole: int, part: float | None = None, flag: bool = False, rate: Any = None, rows: object = 0
) -> None:
    """Takes numbers."""


def test_numbers_of_numpy_become_pythons() -> None:
    rows = np.float32(1)
    given = (np.int64(50), np.float32(0.5), np.bool_(True), np.array(0.25))
    found = fitting(verb, (None, *given), {"rows": rows}).arguments
    values = {name: value for name, value in found.items() if name not in ("self", "rows")}
    assert values == {"whole": 50, "part": 0.5, "flag": True, "rate": 0.25}
    assert [type(value) for value in values.values()] == [int, float, bool, float]
    assert found["rows"] is rows  # what may be rows stays as it is
    assert fitting(verb, (None, 3), {"part": 1}).arguments["part"] == 1
    with pytest.raises(TypeError):
        fitting(verb, (None,), {})
