from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lepton_lab.train._chance import doubt
from lepton_lab.types import Target

CLASSES = Target("classes", classes=("a", "b"))


def split(dataset: Any, name: str) -> Any:
    return dataset.rows


def job(x: Any, y: Any) -> Any:
    return SimpleNamespace(dataset=SimpleNamespace(rows=(x, y)), open_split="tests.train.test_chance:split")


def head(target: Target, loss: str, **more: Any) -> Any:
    return SimpleNamespace(
        **{"name": "", "target": target, "loss_name": loss, "is_own_loss": False, "weight": 1.0} | more
    )


MODEL = SimpleNamespace(layers=[], losses=[])
X, Y = np.zeros((4, 2), "float32"), np.array([0, 0, 0, 1])
ENTROPY = 0.5623


@pytest.mark.parametrize(("loss", "says"), [(0.5, False), (0.57, True), (float("nan"), True)])
def test_classes_by_their_entropy(loss: float, says: bool) -> None:
    said = doubt(job(X, Y), MODEL, [head(CLASSES, "sparse_categorical_crossentropy")], {"loss": loss}, 0.1)
    assert bool(said) == says
    if says:
        assert (
            f"no better than chance ({ENTROPY})" in said and "learning rate of 0.1" in said and "rows whose" not in said
        )


@pytest.mark.parametrize(("logs", "says"), [({"accuracy": 0.75}, True), ({"val_accuracy": 0.8}, False)])
def test_a_model_whose_accuracy_rises_learns(logs: dict[str, float], says: bool) -> None:
    heads = [head(CLASSES, "sparse_categorical_crossentropy")]
    assert bool(doubt(job(X, Y), MODEL, heads, {"loss": 2.5, **logs}, 0.1)) == says


def test_rows_that_nothing_scales() -> None:
    heads = [head(CLASSES, "BinaryCrossentropy")]
    said = doubt(job(X + 255, Y), MODEL, heads, {"loss": 9.0}, None)
    assert "numbers go from 255 to 255 and are not scaled" in said
    scaled = SimpleNamespace(layers=[type("Rescaling", (), {})()], losses=[])
    assert "rows whose" not in doubt(job(X + 255, Y), scaled, heads, {"loss": 9.0}, None)


def test_numbers_by_their_variance_and_other_losses_by_nothing() -> None:
    numbers, y = Target("numbers"), np.array([0.0, 100.0])
    assert "targets that go from 0 to 100" in doubt(job(X, y), MODEL, [head(numbers, "mse")], {"loss": 2500.0}, None)
    assert not doubt(job(X, y), MODEL, [head(numbers, "mse")], {"loss": 2400.0}, None)
    assert not doubt(job(X, y), MODEL, [head(numbers, "huber")], {"loss": 9e9}, None)
    assert not doubt(job(X, Y), MODEL, [head(CLASSES, "mine", is_own_loss=True)], {"loss": 9e9}, None)
    assert not doubt(job(X, Y), MODEL, [head(CLASSES, "binary_crossentropy")], {"loss": 9.0, "val_loss": 0.1}, None)
