from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lepton_lab.evaluate import evaluate
from lepton_lab.evaluate._loss_note import loss_note
from lepton_lab.types import Dataset, Model
from tests.models_fixture import keras


def made(name: str, **settings: Any) -> dict[str, Any]:
    return {"class_name": name, "config": {"reduction": "sum_over_batch_size", **settings}}


@pytest.mark.parametrize(
    ("compiled", "said"),
    [
        ({}, ""),
        ({"loss": "sparse_categorical_crossentropy", "loss_weights": {"": 1.0}}, ""),
        ({"loss": made("BinaryCrossentropy", from_logits=True, label_smoothing=0.0)}, ""),
        ({"loss": made("SparseCategoricalCrossentropy", reduction="sum")}, "reduction sum"),
        ({"loss": made("CategoricalCrossentropy", label_smoothing=0.1)}, "label_smoothing 0.1"),
        ({"loss": "categorical_hinge", "loss_weights": {"": 3.0}}, "loss categorical_hinge, loss weight 3"),
        ({"loss": {"pickled": {"sealed": "x"}}}, "own loss"),
    ],
)
def test_what_was_compiled(cnn: Model, digits: Dataset, compiled: dict[str, Any], said: str) -> None:
    found = evaluate(replace(cnn, compiled=compiled), digits)
    notes = [note for note in found.notes if note.startswith("loss is")]
    expected = f"loss is the mean crossentropy over the rows, without the model's {said}"
    assert notes == ([expected] if said else [])


def test_each_of_several_outputs_has_its_own(mixed: tuple[Model, Dataset]) -> None:
    model = replace(mixed[0], compiled={"loss": {"kind": "kld"}, "loss_weights": {"tags": 0.5, "price": 2.0}})
    notes = [note for note in evaluate(model, mixed[1]).notes if "loss" in note]
    assert [(note.partition(":")[0], note.rpartition("'s ")[2]) for note in notes] == [
        ("kind", "loss kld"),
        ("tags", "loss weight 0.5"),
    ]


def test_regularisers(cnn: Model, tmp_path: Path) -> None:
    layers = keras().layers
    for layer in (layers.Dense(2, kernel_regularizer="l2"), layers.Dense(2, activity_regularizer="l1")):
        inner = keras().Sequential([keras().Input((3,)), layer])
        keras().Sequential([keras().Input((3,)), inner]).save(tmp_path / "model.keras")
        assert loss_note(replace(cnn, folder=tmp_path), "").endswith("the model's regularisers")
