from typing import Any

import pytest

from lepton_lab.commands._compress import VERBS
from lepton_lab.compress import TECHNIQUES, preflight
from lepton_lab.errors import ConversionError, InputError, UnknownNameError
from lepton_lab.types import Model

DEFAULTS = {parameter.name: parameter.default for parameter in VERBS[0].parameters}


def settings(technique: str, **changes: Any) -> dict[str, Any]:
    return {name: DEFAULTS[name] for name in TECHNIQUES[technique].SETTINGS} | changes


def test_every_layer_is_told(cnn: Model) -> None:
    told = dict(preflight(cnn, "prune", settings("prune")).layers)
    assert told["conv2d_1"] == "will have 80% zeros" and told["max_pooling2d"] == "MaxPooling2D has no weights"
    assert told["conv2d"].startswith("Conv2D has only 144 weights")
    told = dict(preflight(cnn, "quantize", settings("quantize")).layers)
    assert told["dense"] == "weights int8, activations int8"


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_each_technique_tells_of_each_model(of_zoo: Model, technique: str) -> None:
    found = preflight(of_zoo, technique, settings(technique))
    assert found.technique == technique and all(fate for _, fate in found.layers)
    assert str(found).startswith(f"What {technique} would do to {of_zoo.name}")


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_quantised_model_names_its_parent(int8_cnn: Model, technique: str) -> None:
    with pytest.raises(ConversionError, match=f"quantised already.*{technique} the model 'cnn'"):
        preflight(int8_cnn, technique, settings(technique))


def test_an_unknown_technique(cnn: Model) -> None:
    with pytest.raises(UnknownNameError, match=r"no technique 'purne'. Did you mean 'prune'"):
        preflight(cnn, "purne", {})


@pytest.mark.parametrize(
    ("technique", "bad", "message"),
    [
        ("prune", {"sparsity": 1.0}, "sparsity=1.0"),
        ("prune", {"m_by_n": "4:2"}, "m_by_n='4:2'"),
        ("cluster", {"clusters": 2}, "clusters=2: give a whole number from 3 to 256"),
        ("quantize", {"calibration_rows": 0}, "calibration_rows=0"),
        ("quantize", {"tolerance": -1.0}, "tolerance=-1.0"),
        ("distill", {"width": 1.0}, "width=1.0"),
        ("distill", {"temperature": 0.5}, "temperature=0.5"),
        ("distill", {"alpha": 2.0}, "alpha=2.0"),
    ],
)
def test_settings_are_checked(cnn: Model, technique: str, bad: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        preflight(cnn, technique, settings(technique, **bad))
