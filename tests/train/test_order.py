"""Every row once an epoch, and the same global batches whatever the number of ranks."""

from __future__ import annotations

import numpy as np
import pytest

from lepton_lab.train import _order


@pytest.mark.parametrize("world", [1, 2, 3, 7])
@pytest.mark.parametrize(("rows", "batch"), [(100, 10), (101, 10), (7, 64), (64, 64), (5, 1), (1, 8), (2, 7)])
def test_every_row_exactly_once(rows: int, batch: int, world: int) -> None:
    seen = np.concatenate(
        [part.rows[part.weights > 0] for rank in range(world) for part in _order.epoch(rows, batch, rank, world, 0, 1)]
    )
    assert sorted(seen) == list(range(rows))


@pytest.mark.parametrize("world", [2, 3, 7])
def test_a_step_takes_the_same_rows_and_weights_whatever_the_world(world: int) -> None:
    alone = list(_order.epoch(101, 16, 0, 1, seed=3, number=2))
    together = [list(_order.epoch(101, 16, rank, world, seed=3, number=2)) for rank in range(world)]
    for step, whole in enumerate(alone):
        parts = [ranks[step] for ranks in together]
        rows = np.concatenate([part.rows[part.weights > 0] for part in parts])
        assert rows.tolist() == whole.rows[whole.weights > 0].tolist()
        assert sum(part.weights.sum() for part in parts) == pytest.approx(1.0)
        assert len({len(part.rows) for part in parts}) == 1  # static shapes


def test_epochs_and_seeds_differ_and_repeat() -> None:
    first, again, other, later = (
        next(_order.epoch(100, 100, 0, 1, seed, number)).rows.tolist()
        for seed, number in [(0, 1), (0, 1), (1, 1), (0, 2)]
    )
    assert first == again
    assert first != other
    assert first != later


def test_an_epoch_taken_up_in_the_middle_is_the_rest_of_it() -> None:
    whole = [batch.rows.tolist() for batch in _order.epoch(101, 16, 1, 2, seed=3, number=2)]
    assert [batch.rows.tolist() for batch in _order.epoch(101, 16, 1, 2, seed=3, number=2, first_step=4)] == whole[4:]
    assert list(_order.epoch(101, 16, 1, 2, seed=3, number=2, first_step=7)) == []


def test_rows_held_out_are_not_learnt_from() -> None:
    learnt, held = _order.hold_out(100, 20, seed=5)
    assert (len(learnt), len(held)) == (80, 20)
    assert sorted([*learnt, *held]) == list(range(100))
    assert np.array_equal(held, _order.hold_out(100, 20, seed=5)[1])
    assert not np.array_equal(held, _order.hold_out(100, 20, seed=6)[1])
    assert len(_order.hold_out(100, 0, seed=5)[0]) == 100
