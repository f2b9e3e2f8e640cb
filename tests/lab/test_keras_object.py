"""How a Keras model of the notebook leaves its kernel."""

from __future__ import annotations

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
