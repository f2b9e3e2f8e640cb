from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.compress import _distill
from lepton_lab.compress._distill import Distillation, make_student, narrower
from lepton_lab.errors import ConversionError, InputError
from lepton_lab.files import checksum
from lepton_lab.runtime import load_keras, open_rows, predict, score, with_names
from lepton_lab.types import Dataset, Model
from tests.compress.loop import tuned
from tests.models_fixture import keras

PROBABLE: dict[str, list[str]] = {"teacher": [], "student": []}


def lesson(teacher: Model, **changes: Any) -> Distillation:
    file = teacher.file
    given = {"teacher": str(file), "sha256": checksum(file), "code": None, "temperature": 4.0, "alpha": 1.0}
    return Distillation(**{**given, "kinds": {"": "classes"}, "logits": PROBABLE, **changes})


def student(teacher: Model, folder: Path) -> Any:
    make_student(teacher.file, folder, 0.5, None, seed=1)
    return load_keras(folder / "initial.keras")


def test_a_narrower_model_learns_from_the_teacher_alone(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    """With alpha 1 no label is looked at: what the student knows, it knows from the teacher."""
    model = tuned(student(cnn, tmp_path), lesson(cnn), digits, 300)
    x, y = open_rows(digits, "test")
    assert score(model(np.asarray(x, np.float32)).numpy(), y, "classes")["accuracy"] > 0.93
    assert model.count_params() < cnn.num_parameters / 3


def test_numbers_too(mlp: Model, table: Dataset, tmp_path: Path) -> None:
    model = tuned(student(mlp, tmp_path), lesson(mlp, kinds={"": "numbers"}), table, 600)
    x, _ = open_rows(table, "test")
    taught = predict(mlp.file, x)
    assert np.mean(np.square(model(np.asarray(x)).numpy() - taught)) < 0.05 * np.var(taught)


def test_the_loss_is_hintons(cnn: Model, digits: Dataset) -> None:
    import tensorflow as tf

    hook = lesson(cnn, alpha=0.7, temperature=3.0)
    hook.prepare(load_keras(cnn.file), 1)
    rows = np.asarray(open_rows(digits, "test")[0][:5], np.float32)
    answers = np.full((5, 10), 0.1, np.float32)
    taught = predict(cnn.file, rows)
    soft = np.power(np.maximum(taught, 1e-7), 1 / 3)
    soft /= soft.sum(axis=1, keepdims=True)
    expected = 0.3 * 2.0 + 0.7 * 9 * (soft * np.log(soft * 10)).sum(axis=1)
    found = hook.losses(tf.constant(rows), {"": tf.fill(5, 2.0)}, {"": tf.constant(answers)})[""].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def taught_by(probabilities: list[list[float]], **settings: Any) -> Distillation:
    """A lesson of a teacher that gives these answers."""
    import tensorflow as tf
    import tf_keras

    rows = tf_keras.Input((1,))
    hook = Distillation("", "", None, 1.0, 1.0, **{"logits": PROBABLE, **settings})
    hook._teacher = tf_keras.Model(rows, tf_keras.layers.Lambda(lambda _: tf.constant(probabilities))(rows))
    return hook


def losses(hook: Distillation, answers: list[list[float]]) -> Any:
    import tensorflow as tf

    none = tf.zeros(len(answers))
    return hook.losses(tf.zeros((len(answers), 1)), {"": none}, {"": tf.constant(answers)})[""].numpy()


def test_each_label_is_a_question_of_its_own() -> None:
    found = losses(taught_by([[0.9, 0.9], [0.9, 0.9]], kinds={"": "labels"}), [[0.1, 0.1], [0.9, 0.9]])
    np.testing.assert_allclose(found, [0.8 * np.log(9), 0], atol=1e-5)


@pytest.mark.parametrize(("teacher", "is_narrow"), [([[0.99]], True), ([[0.01, 0.99]], False)])
def test_one_answer_and_two_are_the_same_two_classes(teacher: list[list[float]], is_narrow: bool) -> None:
    answers = [[0.01, 0.99]] if is_narrow else [[0.99]]
    assert losses(taught_by(teacher, kinds={"": "classes"}), answers) == pytest.approx([0], abs=1e-5)


def test_each_output_learns_from_the_teachers_of_its_name() -> None:
    import tensorflow as tf
    import tf_keras

    rows = tf_keras.Input((1,))
    ends = {
        name: tf_keras.layers.Lambda(lambda _, answer=answer: tf.constant([answer]), name=f"of_{name}")(rows)
        for name, answer in (("price", [5.0]), ("kind", [0.01, 0.99]))
    }
    hook = Distillation("", "", None, 1.0, 0.5, {"kind": "classes", "price": "numbers"}, PROBABLE)
    hook._teacher = with_names(tf_keras.Model(rows, ends))
    losses = {"kind": tf.constant([2.0]), "price": tf.constant([4.0])}
    found = hook.losses(tf.zeros((1, 1)), losses, {"kind": tf.constant([[0.01, 0.99]]), "price": tf.constant([[2.0]])})
    assert {name: float(part[0]) for name, part in found.items()} == pytest.approx({"kind": 1.0, "price": 2.0 + 4.5})


def test_outputs_in_a_dict_stay_as_wide() -> None:
    rows = keras().Input((4,))
    hidden = keras().layers.Dense(8, name="hidden")(rows)
    model = keras().Model(rows, {"kind": keras().layers.Dense(4, name="last")(hidden)})
    told = dict(_distill.plan(with_names(model), {"student": None, "width": 0.5}).layers)
    assert (told["hidden"], told["last"]) == ("4 of 8 units", "as wide")


def test_what_makes_the_answer_stays_as_wide() -> None:
    layers = keras().layers
    ends = [layers.Dense(8, name="hidden"), layers.Dense(3, name="logits"), layers.Softmax(name="answer")]
    told = dict(_distill.plan(keras().Sequential([keras().Input((4,)), *ends]), {"student": None, "width": 0.5}).layers)
    assert (told["hidden"], told["logits"]) == ("4 of 8 units", "as wide")


def test_what_is_frozen_stays_as_wide() -> None:
    layers = keras().layers
    model = keras().Sequential([keras().Input((4,)), layers.Dense(8), layers.Dense(6), layers.Dense(3)])
    model.layers[0].trainable = False
    student = narrower(model, 0.5)
    assert [layer.units for layer in student.layers] == [8, 3, 3]
    np.testing.assert_array_equal(student.layers[0].kernel, model.layers[0].kernel)
    model.layers[0].trainable, model.layers[1].trainable = True, False
    with pytest.raises(ConversionError, match="don't fit together when they are narrower"):
        narrower(model, 0.5)


@pytest.mark.parametrize("width", [0.25, 0.5])
def test_hidden_layers_are_narrower_and_ends_stay(of_zoo: Model, width: float) -> None:
    teacher = load_keras(of_zoo.file)
    model = narrower(teacher, width)
    assert model.output_shape == teacher.output_shape and model.input_shape == teacher.input_shape
    assert model.count_params() < teacher.count_params()
    told = dict(_distill.plan(teacher, {"student": None, "width": width}).layers)
    assert told["answer"] == "as wide" and any(" of " in fate for fate in told.values())


def test_scaling_keeps_its_statistics(mlp: Model) -> None:
    teacher = load_keras(mlp.file)
    model = narrower(teacher, 0.5)
    np.testing.assert_array_equal(model.layers[1].mean, teacher.layers[1].mean)


def test_a_model_that_can_not_be_narrower() -> None:
    model = keras().Sequential([keras().Input((4,)), keras().layers.Dense(3, name="only")])
    with pytest.raises(ConversionError, match="No layer of the model can be narrower: name a --student"):
        narrower(model, 0.5)


def test_layers_that_no_longer_fit() -> None:
    layers = keras().layers
    inputs = layers.Input((8,))
    model = keras().Model(inputs, layers.Dense(2)(layers.Add()([inputs, layers.Dense(8)(inputs)])))
    with pytest.raises(ConversionError, match="don't fit together when they are narrower"):
        narrower(model, 0.5)


def test_another_teacher_than_at_the_beginning(cnn: Model) -> None:
    with pytest.raises(InputError, match="was made anew or dropped meanwhile"):
        lesson(cnn, sha256="0" * 64).prepare(load_keras(cnn.file), 1)
