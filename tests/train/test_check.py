"""What is said of a training before any work is done."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import Any

import pytest

from lepton_lab import forkserver
from lepton_lab.errors import InputError
from lepton_lab.lab import Lab
from lepton_lab.train import Job, describe
from lepton_lab.types import Target

BUILDER = """
def build(input_shape, num_classes):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(num_classes)])
"""


def job_for(lab: Lab, folder: Path, outputs: int, target: Target, **settings: Any) -> Job:
    """A training of a model with `outputs` numbers a row on labels of `target`."""
    arguments = {"folder": folder, "source": BUILDER, "input_shape": (8, 8, 1), "num_classes": outputs, "seed": 0}
    forkserver.call("lepton_lab.train._models:make_built", arguments)
    dataset = dataclasses.replace(lab.data.get("digits"), target=target)
    parts: dict[str, Any] = {"optimizer": "adam", "loss": "auto"} | settings
    return Job(
        run="check",
        folder=folder,
        model_file=folder / "model.keras",
        output=folder / "out.keras",
        shards=lab.data.shards_for_training(lab.data.get("digits")),
        dataset=dataset,
        epochs=1,
        batch_size=8,
        **{kind: describe(kind, part) for kind, part in parts.items()},
    )


SEVEN = Target("classes", classes=tuple("abcdefg"))


@pytest.mark.parametrize(
    ("target", "settings", "message"),
    [
        (SEVEN, {"optimizer": "adamm"}, "no optimizer 'adamm'"),
        (SEVEN, {"loss": "mist"}, "no loss 'mist'"),
        (Target("classes", classes=tuple("abc")), {}, "gives 7 numbers a row, but the labels need 3"),
        (SEVEN, {"loss": "mse"}, "'mse' doesn't fit the labels, which are classes.*sparse_categorical_crossentropy"),
        (SEVEN, {"loss": "MeanAbsoluteError"}, "'MeanAbsoluteError' fails on such labels: .*categorical_crossentropy"),
        (SEVEN, {"loss": "categorical_crossentropy"}, "'dense' has no softmax, but .* takes probabilities"),
        (SEVEN, {"loss": "deserialize"}, "'deserialize' fails on such labels"),
        (Target("numbers"), {"loss": "mae"}, "gives 7 numbers a row, but the labels need 1"),
    ],
)
def test_names_what_does_not_fit(lab: Lab, tmp_path: Path, target: Target, settings: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        forkserver.call("lepton_lab.train._check:check", {"job": job_for(lab, tmp_path, 7, target, **settings)})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "loss", ["auto", "CategoricalCrossentropy(from_logits=True)", "SparseCategoricalCrossentropy(from_logits=True)"]
)
def test_takes_losses_of_classes(lab: Lab, tmp_path: Path, loss: str) -> None:
    job = job_for(lab, tmp_path, 7, SEVEN, loss=loss)
    assert forkserver.call("lepton_lab.train._check:check", {"job": job}).answers == {"": "logits"}


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "log_cosh", "mape", "msle", "MeanSquaredError"])
def test_takes_losses_of_numbers(lab: Lab, tmp_path: Path, loss: str) -> None:
    job = job_for(lab, tmp_path, 1, Target("numbers"), loss=loss, optimizer="sgd")
    assert forkserver.call("lepton_lab.train._check:check", {"job": job}).answers == {"": "numbers"}


def test_says_in_one_line_that_the_file_is_damaged(lab: Lab, tmp_path: Path) -> None:
    job = job_for(lab, tmp_path, 7, SEVEN)
    os.truncate(job.model_file, 500)
    with pytest.raises(InputError, match=re.escape(f"{job.model_file} can't be loaded as a Keras model")) as caught:
        forkserver.call("lepton_lab.train._check:check", {"job": job})
    assert "\n" not in str(caught.value)
