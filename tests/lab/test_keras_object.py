"""How a Keras model of the notebook leaves its kernel."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from lepton_lab.errors import InputError
from lepton_lab.lab._keras_object import save_keras


class Model:
    """A Keras model as far as it is looked at."""

    __module__ = "keras.src.models.functional"
    built = True

    def save(self, path: Path) -> None:
        path.write_text("saved")


class Unbuilt(Model):
    __module__ = Model.__module__
    built = False


class Unsavable(Model):
    __module__ = Model.__module__

    def save(self, path: Path) -> None:
        raise NotImplementedError("\nthe object must\noverride `get_config()`")


class Own(Model):
    __module__ = "__main__"


class OwnWithGraph(Own):
    __module__ = "__main__"
    inputs = outputs = ("a tensor",)


def test_its_own_keras_saves_it(tmp_path: Path) -> None:
    assert save_keras(Model(), tmp_path).read_text() == "saved"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Unbuilt(), r"The model has no input shape yet: begin it with an Input layer, or call it once on some rows\."),
        (
            Unsavable(),
            r"can't be saved by its own Keras: NotImplementedError: the object must override `get_config\(\)`",
        ),
        (Own(), r"is a Own, a class that holds Python code of its own: write it as keras\.Sequential or"),
        (OwnWithGraph(), r"is a OwnWithGraph, .*: bring in keras\.Model\(model\.inputs, model\.outputs\)"),
    ],
)
def test_what_can_not_leave_is_told_with_a_way_out(tmp_path: Path, model: Model, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        save_keras(model, tmp_path)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("library", ["tf_keras", "keras"])
@pytest.mark.parametrize("name", ["train_step", "compute_loss"])
def test_steps_that_were_put_into_a_model(tmp_path: Path, library: str, name: str) -> None:
    keras = importlib.import_module(library)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    setattr(model, name, lambda *_: 0.0)
    with pytest.raises(InputError, match=f"has a {name} of its own, which no file holds"):
        save_keras(model, tmp_path)


def test_what_a_file_of_keras_3_does_not_hold(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="one"), keras.layers.BatchNormalization()])
    assert save_keras(model, tmp_path).is_file()
    model.layers[0].trainable = False
    assert save_keras(model, tmp_path).is_file()
    model.layers[0].trainable = True
    model.layers[0].bias.trainable = False
    with pytest.raises(InputError, match="one/bias is frozen by itself, which no file holds: freeze its whole layer"):
        save_keras(model, tmp_path)
    model.layers[0].bias.trainable = True
    model.layers[0].quantize("int8")
    with pytest.raises(InputError, match="The layer 'one' was quantized by Keras: bring the model in as it was before"):
        save_keras(model, tmp_path)
