"""The list of verbs with their forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepton_lab import widgets
from lepton_lab.commands import VERBS
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.lab import Lab
from lepton_lab.widgets import Chooser, Form


def test_keeps_each_form_as_it_was(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.data.load("digits")
    chooser = widgets.open(lab, namespace={})
    assert isinstance(chooser, Chooser)
    assert list(chooser.choice.options) == [" ".join(verb.words) for verb in VERBS]
    chooser.choice.value = "data shard"
    chooser.form.fields["shards"].control.value = "5"
    chooser.choice.value = "train"
    assert chooser.form.verb.words == ("train",)
    chooser.choice.value = "data shard"
    assert chooser.form.line == "%lepton data shard digits --shards 5"
    chooser.close()


def test_all_of_a_noun_one_verb_or_none(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    nouns = widgets.open(lab, "data", namespace={})
    assert isinstance(nouns, Chooser) and all(words.startswith("data ") for words in nouns.choice.options)
    assert isinstance(widgets.open(lab, "export", namespace={}), Form)
    assert isinstance(widgets.open(lab, ["run", "resume"], namespace={}), Form)
    with pytest.raises(UnknownNameError, match="Did you mean 'export'"):
        widgets.open(lab, "exprot")
    with pytest.raises(InputError, match="%lepton ui train opens"):
        widgets.open(lab, "train cnn")


def test_without_widgets(tmp_path: Path) -> None:
    table = widgets.open(Lab(tmp_path), namespace={}).table()
    for verb in VERBS:
        assert verb.help in table.text() and " ".join(verb.words) in table.html()
