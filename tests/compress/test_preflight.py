import pytest

from lepton_lab.compress import TECHNIQUES, preflight
from lepton_lab.errors import ConversionError, InputError, UnknownNameError
from lepton_lab.types import Model


def test_every_layer_is_told(cnn: Model) -> None:
    told = dict(preflight(cnn, "prune"))
    assert told["conv2d_1"] == "will be pruned" and told["max_pooling2d"] == "MaxPooling2D has no weights"
    assert told["conv2d"].startswith("Conv2D has only 144 weights")
    assert dict(preflight(cnn, "quantize"))["dense"] == "will be quantised"


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_quantised_model_names_its_parent(int8_cnn: Model, technique: str) -> None:
    with pytest.raises(ConversionError, match=f"quantised already.*{technique} the model 'cnn'"):
        preflight(int8_cnn, technique)


def test_an_unknown_technique(cnn: Model) -> None:
    with pytest.raises(UnknownNameError, match=r"no technique 'purne'. Did you mean 'prune'"):
        preflight(cnn, "purne")


def test_the_sparsity_is_checked(cnn: Model) -> None:
    assert preflight(cnn, "prune", 0.8) == preflight(cnn, "prune")
    with pytest.raises(InputError, match=r"sparsity=1.5"):
        preflight(cnn, "prune", 1.5)
