"""A run's settings are written so that it can be gone on with, and what is one's own is sealed."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from lepton_lab.errors import InputError
from lepton_lab.lab._training import Training, check_workers, plain_class_weight
from lepton_lab.types import Sight, WorkerInfo


def twice(y_true: Any, y_pred: Any) -> Any:
    return 2 * (y_true - y_pred)


def given(**settings: Any) -> Training:
    plain = {
        "epochs": 2,
        "batch_size": 8,
        "optimizer": "SGD(0.1, momentum=0.9)",
        "learning_rate": "CosineDecay(0.1, 10)",
        "loss": twice,
        "metrics": ["auc", twice],
        "callbacks": "EarlyStopping(patience=2)",
        "class_weight": {3: 2},
        "augment": "flip,shift",
    }
    return Training.from_given(plain | settings)


def test_settings_come_back_from_their_file() -> None:
    training = given()
    text = json.dumps(training.to_plain(), sort_keys=True)
    again = Training.from_plain(json.loads(text))
    assert again == training
    assert pickle.loads(again.loss["pickled"])(5, 3) == 4


@pytest.mark.parametrize("spoil", ["data", "seal"])
def test_what_somebody_else_wrote_is_not_unpickled(spoil: str) -> None:
    plain = json.loads(json.dumps(given().to_plain()))
    sealed = plain["loss"]["pickled"]["sealed"]
    sealed[spoil] = ("A" if sealed[spoil][0] != "A" else "B") + sealed[spoil][1:]
    with pytest.raises(InputError, match="somebody else wrote"):
        Training.from_plain(plain)


@pytest.mark.parametrize("augment", [5, [5], {"flip": 1}])
def test_augmentations_are_texts(augment: Any) -> None:
    with pytest.raises(InputError, match=r"^--augment is .*, expected some of flip, shift, brightness\.$"):
        given(augment=augment)


def test_class_weights_as_text_and_dict() -> None:
    assert plain_class_weight("cat=2, dog=0.5") == plain_class_weight({"cat": 2, "dog": "0.5"})
    assert plain_class_weight("balanced") == "balanced"
    for bad in ("cat", "cat=much", 3, ["cat"]):
        with pytest.raises(InputError, match="give 'balanced', a dict of weights by class, or a text"):
            plain_class_weight(bad)


def test_workers_without_gpus_do_not_count_beside_those_with_them(tmp_path: Path) -> None:
    present = [WorkerInfo(f"w{i}", f"tcp://a:{i}", "a", 1, 0, device=kind) for i, kind in enumerate(("gpu", "cpu"))]
    handle = SimpleNamespace(workers=lambda: present, sight=lambda folder: Sight(folder, tuple(present)))
    lab: Any = SimpleNamespace(
        cluster=SimpleNamespace(handle=handle), workspace=SimpleNamespace(folder=tmp_path / "workspace")
    )
    check_workers(lab, given(workers=1))
    with pytest.raises(InputError, match=r"the cluster has 1 with GPUs beside 1 without.*cluster scale 3"):
        check_workers(lab, given(workers=2))
    present[0] = present[1]
    check_workers(lab, given(workers=2))
