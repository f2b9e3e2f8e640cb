"""Help is written from the descriptions."""

from __future__ import annotations

import pytest

from lepton_lab.commands import VERBS, help_text
from lepton_lab.errors import UnknownNameError


def test_all_verbs() -> None:
    text = help_text()
    assert all(" ".join(verb.words) in text and verb.help in text for verb in VERBS)


def test_a_noun() -> None:
    text = help_text(["data"])
    assert "data load" in text and "cluster up" not in text


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: ".".join(verb.words))
def test_a_verb(verb: object) -> None:
    text = help_text(verb.words)  # type: ignore[attr-defined]  # parametrized
    for parameter in verb.parameters:  # type: ignore[attr-defined]  # parametrized
        assert parameter.help in text
        assert all(choice in text for choice in parameter.type.choices)


def test_defaults_and_where_they_apply() -> None:
    text = help_text(["compress"])
    assert "(share; default 0.8; only for prune)" in text
    assert "default 0" in help_text(["train"])


def test_an_unknown_verb() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'train'"):
        help_text(["trian"])


def test_says_what_a_choice_means() -> None:
    assert "tflite: runs without TensorFlow" in help_text(["export"])
