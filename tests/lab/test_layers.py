"""`lab.model.layers`, as a call and as a line, without a cluster."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lepton_lab import commands
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.lab import Lab
from lepton_lab.types import LayerReport
from tests.models_fixture import make_of_zoo


def bring(lab: Lab, kind: str, name: str) -> None:
    """A model of the zoo, as if it had been trained in this lab."""
    source = make_of_zoo(kind)
    with lab.workspace.replacing_model(name) as save:
        shutil.copy(source.file, save.folder)
        save(dataclasses.replace(source, name=name, folder=save.folder))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with digits, a trained model and an int8 file of it."""
    with Lab(tmp_path_factory.mktemp("workspace")) as lab:
        lab.data.load("digits")
        bring(lab, "mlp", "mlp")
        lab.compress("mlp", "quantize")
        yield lab


def test_against_the_model_that_it_was_made_from(own: Lab, tmp_path: Path) -> None:
    file = tmp_path / "nodes.json"
    report = commands.run(own, *commands.read(f"%lepton model layers mlp-int8 --to {file}"))
    assert isinstance(report, LayerReport)
    assert (report.model, report.against, report.source, report.path) == ("mlp-int8", "mlp", "digits/train", file)
    assert [layer.name for layer in report.layers] == ["dense_1", "dense_2", "answer"]
    assert all(layer.sqnr and layer.sqnr > 20 for layer in report.layers)
    assert len(json.loads(file.read_text())["results"]) >= 3


def test_against_another_one(own: Lab) -> None:
    report = own.model.layers("mlp", against="mlp", data="digits")
    assert report.sqnr == math.inf and "exact" in str(report)


def test_a_model_that_was_made_from_none(own: Lab, tmp_path: Path) -> None:
    report = own.model.layers("mlp")
    assert report.against == "" and report.layers[0].num_weights == 64 * 64
    for options in ({"to": tmp_path / "nodes.json"}, {"data": "digits"}):
        with pytest.raises(InputError, match="was made from no other one, and --data and --to are for a comparison"):
            own.model.layers("mlp", **options)
    assert not list(tmp_path.iterdir())


def test_a_parent_that_was_made_anew_or_is_gone(own: Lab) -> None:
    bring(own, "mlp", "first")
    own.compress("first", "quantize", scheme="dynamic")
    bring(own, "cnn", "first")
    assert own.model.layers("first-dynamic").against == "first@1"
    own.model.drop("first@1")
    with pytest.raises(InputError, match="'first' was made anew since 'first-dynamic' was made from it, and that"):
        own.model.layers("first-dynamic")
    own.model.drop("first")
    with pytest.raises(InputError, match="'first', from which 'first-dynamic' was made, is gone: name a float model"):
        own.model.layers("first-dynamic")
    assert own.model.layers("first-dynamic", against="mlp").layers[0].sqnr is not None


def test_what_can_not_be_used_is_refused(own: Lab, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"no model 'mlp-int9'. Did you mean 'mlp-int8'"):
        own.model.layers("mlp-int9")
    with pytest.raises(UnknownNameError, match="no model 'nowhere'"):
        own.model.layers("mlp-int8", against="nowhere")
    with pytest.raises(InputError, match=r"expected a file whose name ends in \.json"):
        own.model.layers("mlp-int8", to=tmp_path / "nodes.txt")
    with pytest.raises(InputError, match="There is no folder"):
        own.model.layers("mlp-int8", to=tmp_path / "nowhere" / "nodes.json")
    with pytest.raises(UnknownNameError, match="no data set 'digit'"):
        own.model.layers("mlp-int8", data="digit")
