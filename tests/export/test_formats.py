"""What the formats' modules say of themselves."""

import pytest

from lepton_lab.export import FORMATS
from lepton_lab.types import Model


def test_every_format_says_what_it_is_good_for() -> None:
    meanings = [format.MEANING for format in FORMATS.values()]
    assert all(meanings) and len(set(meanings)) == len(meanings)


@pytest.mark.parametrize("name", FORMATS)
def test_a_trained_keras_model_can_have_every_format(name: str, cnn: Model) -> None:
    assert cnn.format in FORMATS[name].SOURCES
