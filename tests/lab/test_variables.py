from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lepton_lab.commands import read
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.lab import Lab
from lepton_lab.lab._rows_object import by_column, mark_of_rows
from lepton_lab.lab._variables import data_name, is_keras_model, mark_of, model_name
from lepton_lab.types import Held


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "workspace")


def test_a_line_brings_the_variable_with_its_name() -> None:
    _, given = read("%lepton train net --data d", {"net": 5, "other": 6})
    assert given == {"model": "net", "data": "d"}
    assert isinstance(given["model"], Held) and given["model"].value == 5 and not isinstance(given["data"], Held)


def test_a_variable_of_another_kind_says_what_it_is(lab: Lab) -> None:
    with pytest.raises(InputError, match="'net', and the variable of that name holds a list"):
        model_name(lab, Held("net", [1]))
    with pytest.raises(InputError, match="Got a int, expected a model's name or a Keras model"):
        model_name(lab, 3)
    with pytest.raises(InputError, match="'d', and the variable of that name holds a int"):
        data_name(lab, Held("d", 3))
    assert model_name(lab, Held("cnn", 3)) == ("cnn", "")  # a kind, whatever a variable of that name holds
    assert (model_name(lab, "net"), data_name(lab, "d")) == (("net", ""), ("d", ""))  # that there is none, the lab says


def test_a_path_or_a_known_word_goes_before_a_variable_and_is_told(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"a": range(20), "label": [0, 1] * 10})
    (tmp_path / "sales").mkdir()
    frame.head(10).to_parquet("sales/part.parquet")
    for name, namespace in (("digits", {"digits": frame}), ("sales", {"sales": frame})):
        _, given = read(f"%lepton data load {name}", namespace)
        dataset = lab.data.load(**given)
        assert sum(dataset.splits.values()) == {"digits": 1797, "sales": 10}[name]
        assert f"not the notebook's variable {name}" in dataset.notes
    assert not lab.data.load("digits").notes
    (tmp_path / "data").mkdir()
    _, given = read("%lepton data load data", {"data": frame})
    with pytest.raises(InputError, match=r"data is a folder .* \(data here is not the notebook's variable of that"):
        lab.data.load(**given)


def test_rows_of_a_variable_are_loaded_once(lab: Lab) -> None:
    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    assert data_name(lab, Held("d", (x, y))) == ("d", "The data set d was loaded from the variable d.")
    assert lab.data.get("d").input_shape == (3,)
    assert data_name(lab, Held("d", 5)) == data_name(lab, Held("d", (x, y))) == ("d", "")


def test_a_model_is_another_when_anything_of_it_changes() -> None:
    import tf_keras

    model: Any = tf_keras.Sequential([tf_keras.Input((2,)), tf_keras.layers.Dense(1)])
    marks = [mark_of(model), mark_of(model)]
    model.compile("adam", "mse")
    marks.append(mark_of(model))
    model.compile("adam", "mae")
    marks.append(mark_of(model))
    model.set_weights([weight + 1 for weight in model.get_weights()])
    marks.append(mark_of(model))
    assert marks[0] == marks[1] and len(set(marks)) == 4
    marks = []
    for beta, factor in ((0.9, 1), (0.8, 1), (0.8, 1), (0.8, 2)):

        def mine(truth: Any, answers: Any, factor: int = factor) -> Any:
            return (truth - answers) * factor

        model.compile(tf_keras.optimizers.Adam(beta_1=beta), mine, metrics=[tf_keras.metrics.AUC()])
        marks.append(mark_of(model))
    assert marks[1] == marks[2] and len(set(marks)) == 3
    assert is_keras_model(model) and not is_keras_model(SimpleNamespace(get_config=1, layers=[]))


def test_rows_that_have_changed_are_loaded_anew(lab: Lab) -> None:
    x, y = np.zeros((40, 3)), np.arange(40) % 2
    data_name(lab, Held("d", (x, y)))
    first = (lab.data.get("d").folder / "train" / "x.npy").stat().st_ino
    data_name(lab, Held("d", (x.copy(), y.copy())))
    assert (lab.data.get("d").folder / "train" / "x.npy").stat().st_ino == first  # the same values
    data_name(lab, Held("d", (x[:30], y[:30])))
    assert sum(lab.data.get("d").splits.values()) == 30
    lab.data.load((x, y), name="mine")
    assert data_name(lab, Held("mine", (x, y))) == ("mine", "")
    _, note = data_name(lab, Held("mine", (x[:30], y[:30])))  # its own call says when to load it again
    assert note.startswith("The data set mine was loaded from other rows than the variable mine holds now")
    assert sum(lab.data.get("mine").splits.values()) == 40


def test_rows_that_a_line_loaded_are_loaded_anew_with_its_options(lab: Lab) -> None:
    frame = pd.DataFrame({"a": np.arange(40.0), "kind": np.arange(40) % 2, "left": 1.0})
    _, given = read("%lepton data load frame --label kind --drop left --test-share 0", {"frame": frame})
    lab.data.load(**given)
    assert data_name(lab, Held("frame", frame.copy())) == ("frame", "")
    note = "The data set frame was loaded anew from the variable, which has changed."
    for rows in (30, 20):  # what was loaded anew is seen to change, too
        assert data_name(lab, Held("frame", frame.head(rows))) == ("frame", note)
        assert (lab.data.get("frame").splits, lab.data.get("frame").columns) == ({"train": rows}, ("a",))


def test_a_variable_may_hold_a_path(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rows.csv"
    pd.DataFrame({"a": np.arange(40.0), "label": np.arange(40) % 2}).to_csv(file, index=False)
    for name, value in (("text", str(file)), ("path", file)):
        assert data_name(lab, Held(name, value))[0] == name and lab.data.get(name).target.name == "label"
        assert data_name(lab, Held(name, value)) == (name, "")
    assert data_name(lab, Held("text", "anything")) == ("text", "")  # as what any variable of that name holds
    with pytest.raises(UnknownNameError, match=r"no source 'nope\.csv'"):
        data_name(lab, Held("other", "nope.csv"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError, match=r"Load one: %lepton data load rows\.csv\."):
        lab.data.get("rows.csv")


def test_lists_have_marks_by_their_values() -> None:
    rows = [[[1.0, 2.0], [3.0, 4.0]], [[1], [2, 3]], [[1], [2, 4]], ["a", "b"], ["a", "c"], ([1, 2], ["a"])]
    assert len({mark_of_rows(each) for each in rows}) == len(rows)
    assert mark_of_rows([[1, 2], [3, 4]]) == mark_of_rows([[1, 2], [3, 4]])


def test_a_frames_columns_are_the_inputs_of_a_model_that_has_these() -> None:
    frame = pd.DataFrame({"age": [30, 40], "kind": ["a", "b"], "target": [0, 1]})
    x, y = by_column(frame, ("kind", "age"), "frame")
    assert [*x] == ["kind", "age"] and y.tolist() == [0, 1]
    with pytest.raises(InputError, match="'frame' lacks the columns 'size'"):
        by_column(frame, ("size",), "frame")
    with pytest.raises(InputError, match="has the columns 'kind', 'target' besides the model's inputs"):
        by_column(frame, ("age",), "frame")
    marks = [mark_of_rows(frame), mark_of_rows(frame, ("age",)), mark_of_rows(frame.replace("a", "b"))]
    assert len(set(marks)) == 3 and marks[0] == mark_of_rows(frame.copy())
