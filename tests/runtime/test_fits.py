import dataclasses
from pathlib import Path

import pytest

from lepton_lab.errors import InputError
from lepton_lab.runtime import check_fits, check_one_each
from lepton_lab.types import Dataset, Model, Target
from tests.models_fixture import copy_of, keras, truncate

Mixed = tuple[Model, Dataset]


def test_model_and_data_must_fit(cnn: Model, digits: Dataset, table: Dataset) -> None:
    check_fits(cnn, digits)
    with pytest.raises(InputError, match=r"takes rows of shape \(8, 8, 1\).*'table' have \(3,\)"):
        check_fits(cnn, table)
    two = dataclasses.replace(digits, target=dataclasses.replace(digits.target, classes=("a", "b")))
    with pytest.raises(InputError, match="answers with 10 numbers a row, but 'digits' needs 2"):
        check_fits(cnn, two)


@pytest.mark.parametrize(
    ("target", "fits"),
    [
        (Target("classes", classes=("a", "b")), True),
        (Target("classes", classes=("a", "b", "c")), False),
        (Target("labels", classes=("a", "b")), False),
        (Target("numbers"), True),
        (Target("numbers", width=2), False),
    ],
)
def test_a_model_with_one_output(mlp: Model, table: Dataset, target: Target, fits: bool) -> None:
    dataset = dataclasses.replace(table, target=target)
    if fits:
        check_fits(mlp, dataset)
    else:
        with pytest.raises(InputError, match=f"answers with 1 numbers a row, but 'table' needs {target.num_outputs}"):
            check_fits(mlp, dataset)


def test_whole_numbers_that_were_taken_as_classes(mlp: Model, table: Dataset) -> None:
    note = "labels 'y': 9 different whole numbers are taken as classes (--task regression for numbers)"
    target = Target("classes", "y", tuple("012345678"), note=note)
    with pytest.raises(InputError, match=r"needs 9 \(classes\); .* \(--task regression for numbers\): load it so"):
        check_fits(mlp, dataclasses.replace(table, target=target))


def test_an_answer_of_no_dimension_is_not_several(mlp: Model, table: Dataset, tmp_path: Path) -> None:
    rows = keras().Input((3,))
    for answers in (keras().layers.Reshape(())(keras().layers.Dense(1)(rows)), keras().layers.Dense(1)(rows)[:, 0]):
        keras().Model(rows, answers).save(tmp_path / "model.keras")
        model = dataclasses.replace(mlp, folder=tmp_path, output_shape=())
        with pytest.raises(InputError, match=r"single value a row, of shape \(\): end it with answers of shape \(1,\)"):
            check_fits(model, table)
        with pytest.raises(InputError, match="a single value a row"):
            check_one_each(model, table, "quantising", "another")


class TestSeveral:
    def test_in_any_order(self, mixed: Mixed) -> None:
        check_fits(*mixed)

    @pytest.mark.parametrize(
        ("field", "missing", "added", "words"),
        [
            (
                "inputs",
                None,
                "sound",
                "no input 'sound', which 'mixed' has as input, only table, image: name",
            ),
            ("inputs", "table", None, "an input 'table', but 'mixed' has no input of that name, only image"),
            ("targets", None, "size", "no output 'size', which 'mixed' has as target, only tags, kind, price"),
            ("targets", "price", None, "an output 'price', but 'mixed' has no target of that name, only kind, tags"),
        ],
    )
    def test_another_name(self, mixed: Mixed, field: str, missing: str | None, added: str | None, words: str) -> None:
        model, dataset = mixed
        named = {name: value for name, value in getattr(dataset, field).items() if name != missing}
        if added:
            named[added] = next(iter(named.values()))
        with pytest.raises(InputError, match=words):
            check_fits(model, dataclasses.replace(dataset, **{field: named}))

    def test_another_shape(self, mixed: Mixed) -> None:
        model, dataset = mixed
        inputs = {**dataset.inputs, "image": ((4, 5, 1), "uint8")}
        with pytest.raises(InputError, match=r"shape \(4, 4, 1\) as 'image', but those of 'mixed' have \(4, 5, 1\)"):
            check_fits(model, dataclasses.replace(dataset, inputs=inputs))

    def test_one_of_a_kind_does_not_fit_several(self, mixed: Mixed, cnn: Model, digits: Dataset) -> None:
        model, dataset = mixed
        with pytest.raises(InputError, match="several outputs, but 'mixed' has one target"):
            check_fits(model, dataclasses.replace(dataset, targets={}))
        with pytest.raises(InputError, match="'mixed' has the inputs table, image, but 'digits' has one, of shape"):
            check_fits(model, digits)
        with pytest.raises(InputError, match="no input 'image', which 'mixed' has as input, only rows"):
            check_fits(cnn, dataset)

    def test_a_tflite_file(self, mixed_int8: Model, int8_cnn: Model, mixed: Mixed, digits: Dataset) -> None:
        check_fits(mixed_int8, mixed[1])
        with pytest.raises(InputError, match="has no input 'image', which 'mixed' has as input, only"):
            check_fits(int8_cnn, mixed[1])
        with pytest.raises(InputError, match="has the inputs image, table, but 'digits' has one"):
            check_fits(mixed_int8, digits)

    def test_a_format_whose_names_are_not_read(self, mixed: Mixed) -> None:
        with pytest.raises(InputError, match=r"in the format onnx, which is run with one input and one output"):
            check_fits(dataclasses.replace(mixed[0], format="onnx"), mixed[1])

    def test_a_damaged_file(self, mixed: Mixed, tmp_path) -> None:
        model = copy_of(mixed[0], tmp_path / "mixed")
        truncate(model.file)
        with pytest.raises(InputError, match=r"not a \.keras file"):
            check_fits(model, mixed[1])

    def test_work_that_takes_one_of_each(self, mixed: Mixed, cnn: Model, digits: Dataset) -> None:
        check_one_each(cnn, digits, "grad_cam", "permutation")
        for model, dataset in (mixed, (mixed[0], digits), (cnn, mixed[1])):
            with pytest.raises(InputError, match="and grad_cam takes models with one of each: use permutation"):
                check_one_each(model, dataset, "grad_cam", "permutation")
