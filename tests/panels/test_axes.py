from __future__ import annotations

import pytest

from lepton_lab.panels._axes import bounds, log_bounds, log_ticks, nice_ticks


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 105, [0, 20, 40, 60, 80, 100]),
        (0.2, 1.03, [0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 2600, [0, 500, 1000, 1500, 2000, 2500]),
        (-1.1, 1.1, [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert nice_ticks(low, high) == expected


@pytest.mark.parametrize("values", [[], [0.0], [5.0, 5.0], [-3.0], [1e-9, 2e-9], [1e12]])
@pytest.mark.parametrize("from_zero", [True, False])
def test_any_values_have_bounds_and_ticks(values: list[float], from_zero: bool) -> None:
    low, high = bounds(values, from_zero)
    assert low < high
    assert 2 <= len(nice_ticks(low, high)) <= 8


@pytest.mark.parametrize("values", [[], [1.0], [5.0, 5.0], [1e-3, 1e6], [1.0, 2.0]])
def test_logarithmic_axes_have_room_and_ticks(values: list[float]) -> None:
    low, high = log_bounds(values)
    assert 0 < low < min(values, default=1) <= max(values, default=1) < high
    assert high / low >= 2.9
    assert 1 <= len(log_ticks(low, high)) <= 12


def test_logarithmic_ticks_are_round() -> None:
    assert log_ticks(8, 130) == [10, 20, 50, 100]
    assert log_ticks(2.6, 6.9) == [3, 4, 6]
    assert log_ticks(0.5, 2e5) == [1, 10, 100, 1000, 10_000, 100_000]
