"""The compress form's own part, against what the runs measure."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from lepton_lab import widgets
from lepton_lab.commands import Choice, find
from lepton_lab.lab import Lab
from lepton_lab.widgets import Form
from lepton_lab.widgets._compress import BITS, estimate


@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.8, 0.95])
def test_the_estimate_of_gzip(sparsity: float) -> None:
    random = np.random.default_rng(0)
    weights = random.normal(0, 0.05, 200_000).astype("float32")
    weights[random.permutation(len(weights))[: round(sparsity * len(weights))]] = 0
    raw, packed = estimate(len(weights), sparsity=sparsity)
    assert raw == weights.nbytes
    assert packed == pytest.approx(len(gzip.compress(weights.tobytes(), 9)), rel=0.1)


def test_every_scheme_has_its_bits() -> None:
    scheme = find(["compress"])[0].parameter("scheme").type
    assert isinstance(scheme, Choice) and set(BITS) == set(scheme.words)


def test_says_at_once_what_to_expect(lab: Lab, trained: str) -> None:
    form = widgets.open(lab, "compress", namespace={})
    assert isinstance(form, Form) and form.aside is not None
    form.fields["model"].control.value = trained
    form.fields["technique"].control.value = "prune"
    first = form.aside.widget.value
    assert "about" in first and "estimate" in first
    form.fields["sparsity"].slider.value = 0.95
    assert form.line.endswith("--sparsity 0.95") and form.aside.widget.value != first
    form.fields["sparsity"].control.value = "1.5"
    assert form.errors["sparsity"] == "sparsity is 1.5, expected a number between 0 and 1, both excluded."
    form.fields["technique"].control.value = "quantize"
    assert not form.errors and "4.0 x smaller" in form.aside.widget.value
    form.fields["scheme"].control.value = "float16"
    assert "2.0 x smaller" in form.aside.widget.value
    form.close()


def test_afterwards_it_shows_what_was_measured(lab: Lab, trained: str) -> None:
    form = widgets.open(lab, "compress", namespace={})
    assert isinstance(form, Form)
    form.fields["model"].control.value = trained
    form.fields["technique"].control.value = "quantize"
    form.fields["scheme"].control.value = "dynamic"
    form.button.click()
    assert form.wait(90) and form.job is not None
    assert form.job.message.value == ""
    for words in ("before", "after", "accuracy", "latency", "What was done to each layer"):
        assert words in form.job.output.value
    # What is quantised is no Keras model any more: there is nothing to expect of compressing it again.
    form.fields["model"].control.value = f"{trained}-dynamic"
    assert form.aside is not None and form.aside.widget.value == ""
    lab.model.drop(f"{trained}-dynamic")
    assert "no longer there" in form.errors["model"] and form.line == ""
    form.close()
