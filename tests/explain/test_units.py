import numpy as np
import pytest

from lepton_lab.explain._units import describe_units, unit_names, units
from lepton_lab.types import Dataset, Target


def data_of(shape: tuple[int, ...], columns: tuple[str, ...] = ()) -> Dataset:
    from pathlib import Path

    return Dataset("d", Path("d"), "d", {"train": 1}, shape, "float32", Target("numbers"), columns=columns)


def test_columns() -> None:
    places, layout = units((3,))
    assert places.tolist() == [0, 1, 2] and layout == (3,)
    assert unit_names(layout, data_of((3,), ("a", "b", "c"))) == ("a", "b", "c")
    assert unit_names(layout, data_of((3,))) == ("column 0", "column 1", "column 2")
    assert describe_units(layout) == "3 columns"


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((8, 8, 1), (4, 4)),
        ((28, 28, 1), (7, 7)),
        ((224, 96, 3), (7, 6)),
        ((11, 3, 4), (7, 3)),
        ((1, 5), (1, 5)),
    ],
)
def test_patches_cover_every_place_once_and_are_about_alike(shape: tuple[int, ...], layout: tuple[int, int]) -> None:
    places, found = units(shape)
    assert found == layout and places.shape == shape
    assert np.unique(places).tolist() == list(range(layout[0] * layout[1]))
    assert (places == places[(slice(None), slice(None), *([slice(1)] * (len(shape) - 2)))]).all()
    counts = np.bincount(places.ravel())
    assert counts.max() <= 4 * counts.min()
    if all(side % parts == 0 for side, parts in zip(shape, layout, strict=False)):
        assert counts.max() == counts.min()


def test_names_of_patches_and_places() -> None:
    assert unit_names((4, 4), data_of((8, 8, 1)))[5] == "patch 1,1"
    assert unit_names((6, 2), data_of((6, 2)))[3] == "place 1,1"
    assert "4 x 4 patches" in describe_units((4, 4))
