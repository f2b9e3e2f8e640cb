import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.data._split import hold_out
from lepton_lab.errors import InputError


def test_every_row_once_and_shares_kept():
    y = np.repeat([0, 1, 2], [800, 150, 50])
    train, test = hold_out(y, 0.2, 0, True)
    assert sorted([*train, *test]) == list(range(1000))
    assert np.bincount(y[test]).tolist() == [160, 30, 10]


def test_seeds():
    y = np.arange(100) % 5
    assert (hold_out(y, 0.2, 1, True)[1] == hold_out(y, 0.2, 1, True)[1]).all()
    assert (hold_out(y, 0.2, 1, True)[1] != hold_out(y, 0.2, 2, True)[1]).any()


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.99])
def test_every_class_stays_in_train(share):
    y = np.array([0] * 50 + [1] * 2 + [2])
    train, test = hold_out(y, share, 0, True)
    assert set(y[train]) == {0, 1, 2}
    assert len(test) >= 1


def test_numbers_are_not_stratified():
    assert len(hold_out(np.linspace(0, 1, 50), 0.1, 0, False)[1]) == 5


def test_a_single_row_is_trained_on():
    train, test = hold_out(np.array([0]), 0.5, 0, True)
    assert (len(train), len(test)) == (1, 0)


@pytest.mark.parametrize("share", [-0.1, 1, 20, float("nan")])
def test_refused(tmp_path, share):
    with pytest.raises(InputError, match="test_share"):
        data.load("digits", "d", tmp_path / "d", test_share=share)


def test_nothing_is_learnt_from_test_rows(tmp_path):
    x, y = np.random.default_rng(0).random((50, 3)), np.arange(50) % 2
    first = data.load((x, y), "a", tmp_path / "a")
    held = hold_out(y, 0.2, 0, True)[1]
    x[held] += 1000
    assert data.load((x, y), "b", tmp_path / "b").scaling == first.scaling
