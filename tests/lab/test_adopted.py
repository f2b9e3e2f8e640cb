"""Models' files of every kind in a lab: brought in, predicted with, evaluated, exported as what they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lepton_lab import commands
from lepton_lab.errors import ConversionError, InputError, LeptonError
from lepton_lab.export import FORMATS
from lepton_lab.lab import Lab
from lepton_lab.types import CompressedModel

KINDS = ("keras", "tflite", "onnx", "saved_model")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab without a cluster, with a model that was never trained, exported in every format."""
    with Lab(tmp_path_factory.mktemp("workspace")) as lab:
        lab.data.load("digits")
        lab.model.new("small", kind="cnn", data="digits", hidden_size=16)
        for format in FORMATS:
            lab.export("small", format)
        yield lab


def test_exports_have_names_of_their_own(alone: Lab) -> None:
    names = sorted(bundle.path.name for bundle in alone.status().exports)
    assert names == ["small-container", "small-saved_model", "small.keras", "small.onnx", "small.tflite"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_comes_back(alone: Lab, kind: str, tmp_path: Path) -> None:
    name = f"back-{kind}"
    path = alone.workspace.path("exports", f"small{FORMATS[kind].SUFFIX or '-' + kind}")
    model = commands.run(alone, *commands.read(f"%lepton model add {path} --name {name}"))
    assert (model.kind, model.format) == ("added", "keras" if kind == "saved_model" else kind)
    assert model.input_shape == (8, 8, 1) and model.output_shape == (10,)
    ours, theirs = (np.load(alone.predict(one, data="digits").path) for one in ("small", name))
    assert np.abs(ours - theirs).max() < 1e-5
    assert alone.evaluate(name, data="digits").metrics == pytest.approx(
        alone.evaluate("small").metrics, rel=1e-4, abs=1e-4
    )
    bundle = alone.export(name, model.format, to=tmp_path / f"again{FORMATS[model.format].SUFFIX}")
    assert bundle.agreement.max_difference == 0
    assert alone.model.show(name).table()


def test_a_model_that_is_no_keras_model_says_what_it_can_not(alone: Lab) -> None:
    alone.model.add(alone.workspace.path("exports", "small.onnx"), name="fixed")
    with pytest.raises(
        ConversionError, match="'fixed' is in the format onnx and can't be exported as 'keras': export it as"
    ):
        alone.export("fixed", "keras")
    with pytest.raises(
        InputError, match=r"'fixed' is in the format onnx and can't be trained: bring it in as a \.keras"
    ):
        alone._model_for("fixed", alone.data.get("digits"))
    with pytest.raises(InputError, match="can't be the name of a model"):
        alone.model.add(alone.workspace.path("exports", "small.onnx"), name="a/b")


def test_models_that_were_brought_in_are_compressed(alone: Lab) -> None:
    alone.model.add(alone.model.show("small").file, name="brought")
    small = alone.compress("brought", "quantize", scheme="float16", data="digits")
    assert isinstance(small, CompressedModel) and small.after.raw_bytes < small.before.raw_bytes
    alone.export("small", "tflite")
    alone.model.add(alone.workspace.path("exports", "small.tflite"), name="a-file")
    with pytest.raises(ConversionError, match="'a-file' is in the format tflite and can't be exported as 'keras'"):
        alone.export("a-file", "keras")
    bundle = alone.export("a-file", "onnx")
    told = json.loads(bundle.manifest.read_text())
    assert told["quantisation"] is None and told["agreement"]["tolerance"] == 1e-5
    with pytest.raises(LeptonError, match="a-file") as caught:
        alone.compress("a-file", "quantize", data="digits")
    assert "has not been trained" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("{}/nothing.onnx", "There is no file"),
        ("{}", "has no saved_model.pb"),
        ("{}/table.csv", "must end with .keras, .tflite or .onnx"),
        ("{}/old.h5", "or .onnx: open it by the Keras that wrote it (keras.models.load_model), and add the model."),
        ("{}/bad.onnx", "can't be read as an ONNX model"),
        ("{}/bad.tflite", "can't be run by LiteRT"),
        ("{}/bad.keras", "is not a .keras file"),
        ("{}/saved", "can't be read as a SavedModel"),
        ("{}/bad.onnx --allow-code", "--allow-code is for .keras files"),
    ],
)
def test_what_can_not_be_brought_in(alone: Lab, tmp_path: Path, line: str, word: str) -> None:
    for name in ("table.csv", "old.h5", "bad.onnx", "bad.tflite", "bad.keras"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"nothing of the kind")
    before = alone.model.names()
    with pytest.raises(InputError) as caught:
        commands.run(alone, *commands.read(f"%lepton model add {line.format(tmp_path)}"))
    assert word in str(caught.value) and "\n" not in str(caught.value)
    assert alone.model.names() == before
    assert not [path for path in alone.workspace.path("models").iterdir() if path.name.startswith(".")]


def test_code_is_for_files(alone: Lab) -> None:
    class Model:
        __module__ = "keras.src.models.model"
        layers = ()

        def save(self, path: Path) -> None:
            raise AssertionError("nothing is saved")

    with pytest.raises(InputError, match=r"--allow-code is for \.keras files; a model of the notebook"):
        alone.model.add(Model(), allow_code=True)
