from __future__ import annotations

import itertools
import math

from lepton_lab.panels._history import History, greatest, mean, thinned


def test_it_stays_bounded_and_keeps_the_peak_and_both_ends() -> None:
    history = History(["cpu"])
    for i in range(200_000):
        history.add(float(i), {"cpu": 999.0 if i == 777 else i % 100})
    rows = history.rows()
    assert len(rows) == len(history) <= 2000 + history._stride
    assert max(value for _, value in rows) == 999.0
    assert rows[0][0] < 500 and rows[-1][0] == 199_999
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_the_past_is_as_fine_at_its_start_as_at_its_end() -> None:
    history = History(["cpu"])
    for i in range(100_000):
        history.add(float(i), {"cpu": 1.0})
    times = [row[0] for row in history.rows()[: -500 - history._stride]]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert max(gaps) <= 2 * min(gaps) <= 4 * 100_000 / 1500


def test_the_latest_rows_are_as_they_came() -> None:
    history = History(["loss"], mean)
    for i in range(10_000):
        history.add(float(i), {"loss": float(i)})
    assert history.rows()[-500:] == [(float(i), float(i)) for i in range(9500, 10_000)]


def test_missing_values_are_left_out_of_a_merge() -> None:
    assert greatest([1.0, math.nan, 3.0]) == 3.0
    assert mean([1.0, math.nan, 3.0]) == 2.0
    assert math.isnan(greatest([math.nan])) and math.isnan(mean([]))


def test_a_column_that_is_not_told_is_missing() -> None:
    history = History(["cpu", "gpu"])
    history.add(1.0, {"cpu": 5.0, "unknown": 1.0})
    assert history.rows()[0][:2] == (1.0, 5.0) and math.isnan(history.rows()[0][2])


def test_fresh_rows_are_told_once() -> None:
    history = History(["cpu"])
    history.add(1.0, {"cpu": 5.0})
    assert history.fresh() == [(1.0, 5.0)]
    assert history.fresh() == []


def test_too_many_fresh_rows_are_not_told_one_by_one() -> None:
    history = History(["cpu"])
    for i in range(501):
        history.add(float(i), {"cpu": 1.0})
    assert history.fresh() is None
    assert history.fresh() == []


def test_thinning_gives_at_most_the_limit() -> None:
    rows = [(float(i), float(i)) for i in range(1001)]
    assert len(thinned(rows, 100, greatest)) <= 100
    assert thinned(rows[:100], 100, greatest) == rows[:100]
