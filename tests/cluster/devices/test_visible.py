"""The variable that hides devices is respected."""

from __future__ import annotations

import pytest

from lepton_lab.cluster.devices import Found
from lepton_lab.cluster.devices._visible import visible

GPUS = tuple(Found(f"GPU-{i}a", "NVIDIA X") for i in range(3))


@pytest.mark.parametrize(
    ("variable", "left"),
    [(None, [0, 1, 2]), ("2,0", [2, 0]), ("GPU-1", [1]), ("-1", []), ("", []), ("0,7,1", [0])],
)
def test_by_number_or_by_id_up_to_the_first_that_is_not_there(variable: str | None, left: list[int]) -> None:
    assert visible(GPUS, variable) == tuple(GPUS[i] for i in left)
