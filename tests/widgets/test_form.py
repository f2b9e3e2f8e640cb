"""Forms on a real lab."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lepton_lab import widgets
from lepton_lab.commands import VERBS, read
from lepton_lab.errors import UnknownNameError
from lepton_lab.lab import Lab
from lepton_lab.widgets import Chooser, Form


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with data and no cluster."""
    with Lab(tmp_path_factory.mktemp("forms")) as lab:
        lab.data.load("digits")
        yield lab


def form(lab: Lab, words: str, lines: list[str] | None = None) -> Form:
    opened = widgets.open(lab, words, namespace={}, on_line=(lines if lines is not None else []).append)
    assert isinstance(opened, Form)
    return opened


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.02)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: ".".join(verb.words))
def test_every_verb_has_a_form(small: Lab, verb: object) -> None:
    opened = form(small, " ".join(verb.words))  # type: ignore[attr-defined]  # parametrized
    if not opened.errors:
        assert read(opened.line)[0] is verb
    bundle = opened._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert opened.verb.line in bundle["text/plain"]
    opened.close()


def test_the_line_follows_what_is_typed(small: Lab) -> None:
    opened = form(small, "data shard")
    assert opened.line == "%lepton data shard digits"
    opened.fields["shards"].control.value = "4"
    assert opened.line == "%lepton data shard digits --shards 4"
    opened.fields["shards"].control.value = "-4"
    assert opened.line == "" and opened.button.disabled
    assert opened.errors == {"shards": "shards is -4, expected a number of at least 1."}
    opened.fields["shards"].control.value = ""
    assert opened.line == "%lepton data shard digits" and not opened.button.disabled


def test_what_does_not_apply_is_hidden(small: Lab) -> None:
    opened = form(small, "data shard")
    assert opened.fields["key"].shown and not opened.fields["alpha"].shown
    opened.fields["by"].control.value = "dirichlet"
    assert opened.fields["alpha"].shown and not opened.fields["key"].shown
    opened.fields["alpha"].control.value = "0.1"
    assert opened.line == "%lepton data shard digits --by dirichlet --alpha 0.1"
    opened.fields["by"].control.value = "hash"
    assert opened.line == "%lepton data shard digits"


def test_runs_the_line_and_tells_it(small: Lab) -> None:
    lines: list[str] = []
    opened = form(small, "data shard", lines)
    opened.fields["shards"].control.value = "3"
    opened.button.click()
    assert opened.wait(30)
    assert lines == ["%lepton data shard digits --shards 3"]
    assert "Shards of digits" in opened.output.value and opened.message.value == ""
    assert not opened.button.disabled and opened.progress.value == ""


def test_names_come_and_go(small: Lab) -> None:
    opened = form(small, "data show")
    small.data.load("digits", name="more")
    assert opened.fields["name"].control.options == ("digits", "more")
    opened.fields["name"].control.value = "more"
    small.data.drop("more")
    assert opened.fields["name"].control.options == ("digits",)
    assert opened.line == "%lepton data show digits"
    opened.close()
    small.data.load("digits", name="later")
    assert opened.fields["name"].control.options == ("digits",)
    small.data.drop("later")


def test_what_is_not_chosen_is_said(small: Lab) -> None:
    opened = form(small, "data load")
    control = opened.fields["format"].control
    assert control.options[0] == ("(left out)", "") and control.value == ""
    opened.fields["source"].control.value = "digits"
    assert opened.line == "%lepton data load digits"
    control.value = "csv"
    assert opened.line == "%lepton data load digits --format csv"


def test_each_control_has_its_label_and_says_what_it_means(small: Lab) -> None:
    opened = form(small, "train")
    assert opened.fields["batch_size"].control.description == "batch size"
    notes = {name: field.row.children[1].value for name, field in opened.fields.items()}
    assert "over all workers together" in notes["batch_size"]
    opened.fields["batch_size"].control.value = "many"
    said = opened.fields["batch_size"].row.children[1].value
    assert "batch size is &#x27;many&#x27;" in said and "over all workers" not in said


def test_says_what_the_lab_lacks(small: Lab) -> None:
    assert form(small, "export").errors["model"] == "needed, and the lab has no model yet"


def test_an_error_is_one_line_in_the_form(small: Lab) -> None:
    lines: list[str] = []
    opened = form(small, "data load", lines)
    assert opened.errors == {"source": "needed"}
    opened.fields["source"].control.value = "/no/such/place.csv"
    opened.button.click()
    assert opened.wait(30)
    assert "/no/such/place.csv" in opened.message.value and "Traceback" not in opened.message.value
    assert lines == [] and not opened.button.disabled


def test_a_bug_is_not_swallowed(small: Lab) -> None:
    def fails(line: str) -> None:
        raise ZeroDivisionError(line)

    opened = widgets.open(small, "runs", on_line=fails)
    assert isinstance(opened, Form)
    opened.button.click()
    assert opened.wait(30)
    assert "ZeroDivisionError: %lepton runs" in opened.message.value


def test_a_variable_of_the_notebook(small: Lab) -> None:
    import numpy as np

    namespace = {"x": np.zeros((20, 3), "float32"), "y": np.arange(20) % 2}
    opened = widgets.open(small, "data load", namespace=namespace)
    assert isinstance(opened, Form)
    opened.fields["source"].control.value = "x,y"
    opened.fields["name"].control.value = "pair"
    assert opened.line == "%lepton data load x,y --name pair"
    opened.button.click()
    assert opened.wait(30)
    assert "pair" in small.names("data set")
    small.data.drop("pair")


def test_a_builder_makes_a_cell(small: Lab) -> None:
    opened = form(small, "model new")
    opened.fields["name"].control.value = "mine"
    opened.fields["builder"].control.value = "def build(input_shape, num_classes):\n    ..."
    assert opened.line == "%%lepton model new mine\ndef build(input_shape, num_classes):\n    ..."


def test_chooser(small: Lab) -> None:
    chooser = widgets.open(small)
    assert isinstance(chooser, Chooser)
    chooser.choice.value = "data shard"
    chooser.form.fields["shards"].control.value = "5"
    chooser.choice.value = "train"
    assert chooser.form.verb.words == ("train",)
    chooser.choice.value = "data shard"
    assert chooser.form.line == "%lepton data shard digits --shards 5"
    assert "data shard" in chooser._repr_mimebundle_()["text/plain"]
    nouns = widgets.open(small, "data")
    assert isinstance(nouns, Chooser) and "train" not in nouns.choice.options
    with pytest.raises(UnknownNameError, match="Did you mean 'export'"):
        widgets.open(small, "exprot")
    chooser.close()


def test_training_can_be_stopped(lab: Lab) -> None:
    lines: list[str] = []
    opened = form(lab, "train", lines)
    opened.fields["model"].control.value = "mlp"
    opened.fields["data"].control.value = "digits"
    opened.fields["epochs"].control.value = "100000"
    assert opened.line == "%lepton train mlp --data digits --epochs 100000"
    opened.button.click()
    assert opened.button.disabled and opened.stop_button.layout.display is None
    eventually(lambda: "epoch" in opened.progress.value or not opened.is_running)
    opened.stop_button.click()
    assert opened.wait(30)
    assert "cancelled" in opened.output.value + opened.message.value
    assert "epoch" in opened.progress.value  # the last state stays


def test_export_offers_the_file(lab: Lab, trained: str, tmp_path: Path) -> None:
    opened = form(lab, "export")
    opened.fields["model"].control.value = trained
    opened.fields["format"].control.value = "tflite"
    opened.fields["to"].control.value = str(tmp_path / "small.tflite")
    opened.button.click()
    assert opened.wait(90)
    assert opened.message.value == "" and "download='small.tflite'" in opened.output.value
