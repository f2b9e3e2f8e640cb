"""The export form's own part, and a whole export."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from lepton_lab import widgets
from lepton_lab.commands import Choice, find
from lepton_lab.lab import Lab
from lepton_lab.widgets import Form


def test_shows_the_model_and_every_format(lab: Lab, trained: str) -> None:
    form = widgets.open(lab, "export", namespace={})
    assert isinstance(form, Form) and form.aside is not None
    form.fields["model"].control.value = trained
    shown, formats = form.aside.widget.value, find(["export"])[0].parameter("format").type
    assert isinstance(formats, Choice)
    assert f"{trained}: trained, " in shown and " kB as keras" in shown
    assert all(word in shown and meaning in shown for word, meaning in formats.meanings.items())
    form.close()


def test_an_export_from_the_form(lab: Lab, trained: str, tmp_path: Path) -> None:
    form = widgets.open(lab, "export", namespace={})
    assert isinstance(form, Form)
    form.fields["model"].control.value = trained
    form.fields["format"].control.value = "tflite"
    form.fields["to"].control.value = str(tmp_path / "small.tflite")
    form.button.click()
    assert form.wait(90) and form.job is not None
    shown = form.job.output.value
    assert form.job.message.value == "" and "agreement" in shown and "Manifest" in shown
    link = re.search(r"download='small.tflite' href='data:application/octet-stream;base64,([^']*)'", shown)
    assert link is not None and base64.b64decode(link[1]) == (tmp_path / "small.tflite").read_bytes()
    form.close()
