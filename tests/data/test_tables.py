"""Frames among arrays, and tables of Arrow: columns go by their names, and no number is rounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lepton_lab.data import load
from lepton_lab.data._tables import as_pandas
from lepton_lab.errors import InputError, LeptonError
from lepton_lab.types import Dataset

NUMBERS = np.arange(40)
HALVES = NUMBERS % 2
IDS = [2**53, 2**53 + 1] * 20
PAIR = pd.DataFrame({"a": NUMBERS, "b": -NUMBERS})


def loaded(source: Any, folder: Path, **options: Any) -> tuple[Dataset, dict[str, Any]]:
    """The record, and what is stored, by split and file."""
    made = load(source, "d", folder, **{"test_share": 0.0} | options)
    return made, {f"{split}_{file}": np.load(folder / split / f"{file}.npy") for split in made.splits for file in "xy"}


@pytest.mark.parametrize("inputs", [("u",), ("u", "v")])
def test_columns_of_frames_in_dicts_go_by_name(tmp_path: Path, inputs: tuple[str, ...]) -> None:
    source = {"x_train": dict.fromkeys(inputs, PAIR), "y_train": HALVES, "y_test": HALVES}
    source["x_test"] = dict.fromkeys(inputs, PAIR[["b", "a"]])
    _, stored = loaded(source, tmp_path)
    for name in inputs:
        for split in ("train_x", "test_x"):
            own = stored[split][name] if len(inputs) > 1 else stored[split]
            assert own[3].tolist() == [3, -3]
    source["x_test"] = {**dict.fromkeys(inputs, PAIR), inputs[0]: PAIR[["b"]]}
    with pytest.raises(InputError, match=r"x_train\['u'\] has the column 'a' but x_test\['u'\] has not"):
        loaded(source, tmp_path)


def test_targets_in_frames_beside_arrays_go_by_name(tmp_path: Path) -> None:
    x, y = NUMBERS[:, None], pd.DataFrame({"cat": HALVES, "dog": 1 - HALVES})
    made, stored = loaded({"x_train": x, "y_train": y, "x_test": x, "y_test": y[["dog", "cat"]]}, tmp_path)
    assert made.target.classes == ("cat", "dog")
    assert stored["train_y"].tolist() == stored["test_y"].tolist() == (1 - HALVES).tolist()
    y = pd.DataFrame({"u": NUMBERS, "v": NUMBERS / 2})
    made, stored = loaded({"x_train": x, "y_train": y, "x_test": x, "y_test": y[["v", "u"]]}, tmp_path)
    assert stored["train_y"][3].tolist() == stored["test_y"][3].tolist() == [3, 1.5]
    assert made.target.name == "u,v"
    assert loaded((x, pd.Series(HALVES, name="who")), tmp_path)[0].target.name == "who"
    assert loaded((x, pd.Series(HALVES)), tmp_path)[0].target.name == "label"


def test_tables_of_arrow(tmp_path: Path) -> None:
    table = pa.table({"a": NUMBERS, "b": -NUMBERS})
    source = {"x_train": table, "y_train": HALVES, "x_test": table.select(["b", "a"]), "y_test": pa.array(HALVES)}
    made, stored = loaded(source, tmp_path)
    assert made.columns == ("a", "b")
    assert stored["train_x"][3].tolist() == stored["test_x"][3].tolist() == [3, -3]
    assert stored["train_y"].tolist() == stored["test_y"].tolist() == HALVES.tolist()
    kinds = {"text": ["x", "y"] * 20, "truth": [True, False] * 20, "few": pa.array([1, 2] * 20, pa.int8())}
    made, stored = loaded(pa.table({**kinds, "label": pa.array(["no", "yes"] * 20).dictionary_encode()}), tmp_path)
    assert made.columns == ("text=x", "text=y", "truth", "few") and made.target.classes == ("no", "yes")
    assert stored["train_x"][:2].tolist() == [[1, 0, 1, 1], [0, 1, 0, 2]]


@pytest.mark.parametrize(
    "source",
    [
        (pa.table({"id": IDS, "half": NUMBERS / 2}), HALVES),
        {"x": {"u": pd.DataFrame({"id": IDS, "half": NUMBERS / 2})}, "y": HALVES},
        (NUMBERS[:, None], pd.DataFrame({"id": IDS, "half": NUMBERS / 2})),
    ],
)
def test_no_id_is_rounded(tmp_path: Path, source: Any) -> None:
    with pytest.raises(LeptonError, match=r"whole number.*9007199254740993"):
        loaded(source, tmp_path)
    assert not (tmp_path / "train").exists()


def test_tables_of_polars_and_what_is_none(tmp_path: Path) -> None:
    class Table:
        """As far as it is looked at."""

        __module__ = "polars.dataframe.frame"

        def to_pandas(self, *, use_pyarrow_extension_array: bool) -> pd.DataFrame:
            assert use_pyarrow_extension_array  # else whole numbers with gaps become floats
            return PAIR

    class Query:
        __module__ = "polars.lazyframe.frame"

        def collect(self) -> Table:
            return Table()

    found = as_pandas({"x_train": (Query(), [1, 2]), "y": [3]})
    assert found["x_train"][0] is PAIR and found["y"] == [3] and found["x_train"][1] == [1, 2]


def test_true_beside_numbers(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="y has numbers beside True or False, which would be 1 or 0"):
        loaded((NUMBERS[:, None], [True, 1] * 20), tmp_path)


def test_what_is_said_of_a_frame(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": NUMBERS, "label": HALVES, "label.1": HALVES}, index=pd.RangeIndex(5, 45, name="age"))
    made, _ = loaded(frame, tmp_path, label="label")
    assert "the frame's index (age) is left out" in made.notes[0]
    assert "column 'label.1' is a feature, which is how pandas calls a second column 'label'" in made.notes[1]
    made, _ = loaded((NUMBERS[:, None], pd.DataFrame({"u": NUMBERS % 3, "v": NUMBERS % 5})), tmp_path)
    assert (
        made.target.note == "labels 'u,v': whole numbers in 2 columns are taken as numbers; name one label for classes"
    )
