from pathlib import Path

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.runtime import load_keras, open_rows, predict, to_tflite
from lepton_lab.types import Dataset, Model, fields, records
from tests.models_fixture import keras


@pytest.mark.parametrize("which", ["cnn", "int8_cnn"])
def test_batches_do_not_change_the_answers(which: str, digits: Dataset, request: pytest.FixtureRequest) -> None:
    model: Model = request.getfixturevalue(which)
    rows = open_rows(digits, "test")[0][:50]
    whole, parts = predict(model.file, rows, 512), predict(model.file, rows, 7)
    assert whole.shape == (50, 10)
    np.testing.assert_allclose(whole, parts, atol=1e-5)


def test_no_rows_give_no_answers(cnn: Model, digits: Dataset) -> None:
    assert predict(cnn.file, open_rows(digits, "test")[0][:0]).shape == (0, 10)


class TestSeveral:
    def test_answers_by_name(self, mixed: tuple[Model, Dataset]) -> None:
        model, dataset = mixed
        x, y = open_rows(dataset, "test")
        answers = predict(model.file, x)
        assert answers.shape == (150,) and set(answers.dtype.names or ()) == {"tags", "kind", "price"}
        assert {name: array.shape for name, array in fields(answers).items()} == {
            "tags": (150, 2),
            "kind": (150, 3),
            "price": (150, 1),
        }
        assert (answers["kind"].argmax(axis=1) == y["kind"]).mean() > 0.9
        parts = predict(model.file, x, batch_size=7)
        for name, array in fields(answers).items():
            np.testing.assert_allclose(array, parts[name], atol=1e-5)

    def test_as_the_model_itself_answers(self, mixed: tuple[Model, Dataset]) -> None:
        model, dataset = mixed
        x = fields(open_rows(dataset, "test")[0][:20])
        tags, kind, price = load_keras(model.file)([x["table"], x["image"].astype("float32")])
        answers = predict(model.file, open_rows(dataset, "test")[0][:20])
        for name, expected in (("tags", tags), ("kind", kind), ("price", price)):
            np.testing.assert_allclose(answers[name], expected.numpy(), atol=1e-6)

    def test_no_rows(self, mixed: tuple[Model, Dataset]) -> None:
        model, dataset = mixed
        x = open_rows(dataset, "test")[0]
        assert predict(model.file, x[:0]).dtype == predict(model.file, x[:1]).dtype

    def test_a_model_made_with_dicts(self, tmp_path: Path) -> None:
        layers = keras().layers
        one, other = keras().Input((2,), name="in1"), keras().Input((2,), name="in2")
        outputs = {"sum": layers.Add(name="out")([one, other]), "first": layers.ReLU()(one)}
        keras().Model({"one": one, "other": other}, outputs).save(tmp_path / "dicts.keras")
        values = np.arange(6, dtype=np.int64).reshape(3, 2)
        answers = predict(tmp_path / "dicts.keras", records({"other": 10 * values, "one": values}))
        assert (answers["sum"] == 11 * values).all() and (answers["first"] == values).all()
        assert predict(tmp_path / "dicts.keras", records({"one": values, "other": values})[:0]).shape == (0,)

    def test_rows_of_another_number_of_inputs(self, mixed: tuple[Model, Dataset], cnn: Model, digits: Dataset) -> None:
        with pytest.raises(InputError, match="has the inputs table, image, but the rows have one input"):
            predict(mixed[0].file, open_rows(digits, "test")[0])
        with pytest.raises(InputError, match=r"has the inputs rows, but the rows have several inputs \(image, table\)"):
            predict(cnn.file, open_rows(mixed[1], "test")[0])

    def test_a_tflite_file(self, mixed: tuple[Model, Dataset], int8_cnn: Model, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"has the inputs rows, but the rows have several inputs"):
            predict(int8_cnn.file, open_rows(mixed[1], "test")[0])
        (tmp_path / "mixed.tflite").write_bytes(to_tflite(load_keras(mixed[0].file)))
        with pytest.raises(InputError, match=r"mixed\.tflite has the inputs .*, but the rows have one input"):
            predict(tmp_path / "mixed.tflite", np.zeros((3, 2)))


def test_a_sequential_model(tmp_path: Path) -> None:
    model = keras().Sequential([keras().layers.Input((3,)), keras().layers.ReLU()])
    model.save(tmp_path / "s.keras")
    assert predict(tmp_path / "s.keras", np.full((4, 3), -1)).tolist() == [[0.0] * 3] * 4
