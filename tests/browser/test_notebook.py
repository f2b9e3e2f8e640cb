"""The quickstart as a person works with it: run, look, export by mouse, save, open again without a kernel."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LIVE

if TYPE_CHECKING:
    from tests.browser.conftest import LabPage

QUICKSTART = Path(__file__).parents[2] / "tutorials" / "01_quickstart.ipynb"
PANELS = ("%lepton panel devices", "%lepton panel training")
LOADED = "e => e.filter(i => i.complete && i.naturalWidth > 0 && i.getBoundingClientRect().width > 100).length"
"""How many pictures of a locator came in and are seen; those of the digits are smaller."""


@pytest.fixture
def path(jupyter: LabPage) -> Path:
    """The quickstart's copy in the test's folder, opened, with the sidebar beside it."""
    path = jupyter.server.root / jupyter.folder / QUICKSTART.name
    path.parent.mkdir()
    shutil.copy(QUICKSTART, path)
    jupyter.open(path.name)
    jupyter.show_sidebar()
    return path


def test_quickstart(jupyter: LabPage, path: Path) -> None:
    _run(jupyter, "%load_ext", "%lepton status")
    _look_at_the_sidebar(jupyter)
    _export_by_mouse(jupyter)
    devices = jupyter.output(jupyter.cell(PANELS[0]))
    expect(devices.locator(LIVE).first).to_be_visible()
    expect(devices.locator("img")).to_be_hidden()  # the live view has its place

    _run(jupyter, "%lepton cluster down", "%lepton cluster down")
    expect(jupyter.sidebar.get_by_role("button", name="Start cluster")).to_be_visible()
    for panel in PANELS:
        output = jupyter.output(jupyter.cell(panel))
        expect(output.locator(LIVE)).to_have_count(0)
        expect(output.locator("img")).to_be_visible()
    assert jupyter.errors == []

    jupyter.command("docmanager:save")
    assert path.stat().st_size < 500_000
    _open_without_kernel(jupyter, path)


def _run(jupyter: LabPage, first: str, last: str) -> None:
    """Run these cells one after the other, and see the panels draw while the training's cell runs."""
    for index in range(jupyter.cell(first), jupyter.cell(last) + 1):
        source = jupyter.sources()[index]
        if not source.startswith(("%", "import ", "from ")):  # it is text
            continue
        jupyter.start(index)
        if source.startswith("%lepton train cnn"):
            stop = jupyter.sidebar.get_by_role("button", name=re.compile("^Stop cnn"))
            expect(stop).to_be_visible(timeout=60_000)
            expect(jupyter.output(jupyter.cell("%lepton panel training")).locator(LIVE).first).to_be_visible()
            assert stop.is_visible(), "the training ended before the panel was seen beside it"
            expect(jupyter.sidebar).to_contain_text(re.compile(r"epoch (1\d|20) of 20"), timeout=60_000)
            jupyter.picture("quickstart")  # README shows it
        jupyter.wait_for_cell(index, 90)


def _look_at_the_sidebar(jupyter: LabPage) -> None:
    sidebar = jupyter.sidebar
    for worker in ("w0", "w1"):
        cpu = sidebar.get_by_role("progressbar", name=f"CPU of {worker}")
        expect(cpu).to_have_attribute("aria-valuetext", re.compile(r"^\d+ %$"))
    for text in (
        r"digits1,797 rows, 8 shards",
        r"cnntrained, [\d,]+ parameters, accuracy \d\d\.\d\s%",
        r"cnn-pruned-int8int8, ",
        r"cnn-1\s*done",
        r"digits\.tfliteDownloadcnn-pruned-int8 as tflite",
    ):
        expect(sidebar).to_contain_text(re.compile(text))


def _export_by_mouse(jupyter: LabPage) -> None:
    form = jupyter.output(jupyter.cell("%lepton ui export"))
    form.get_by_label("model", exact=True).select_option("cnn")
    form.get_by_label("format", exact=True).select_option("tflite")
    expect(form).to_contain_text("%lepton export cnn tflite")
    form.get_by_role("button", name="Run").click()
    link = form.get_by_role("link", name="Download cnn.tflite", exact=True)
    expect(link).to_be_visible(timeout=60_000)
    expect(form).to_contain_text(re.compile(r"100\.00% same answers on 256 rows"))
    with jupyter.page.expect_download() as download:
        link.click()
    assert download.value.path().read_bytes()[4:8] == b"TFL3"
    expect(jupyter.sidebar).to_contain_text("cnn as tflite")


def _open_without_kernel(jupyter: LabPage, path: Path) -> None:
    copy = path.with_name("copy.ipynb")
    notebook = nbformat.read(path, as_version=4)
    for key in ("kernelspec", "language_info"):  # by either JupyterLab would choose a kernel
        notebook.metadata.pop(key, None)
    nbformat.write(notebook, copy)
    jupyter.open(copy.name, kernel=False)
    jupyter.page.click('.jp-Dialog-button:has-text("No Kernel")')
    expect(jupyter.show_sidebar()).to_contain_text("This notebook has no kernel.")
    for panel in PANELS:
        image = jupyter.output(jupyter.cell(panel)).locator("img")
        expect(image).to_be_visible()
        assert image.evaluate_all(LOADED) == 1
    expect(jupyter.output(jupyter.cell("%lepton ui")).get_by_text("Form for %lepton export")).to_be_visible()
    digits = jupyter.output(jupyter.cell("%lepton data show")).locator("img")
    expect(digits).to_have_count(12)
    jupyter.wait_for("[...document.querySelectorAll('.lepton-table img')].every(i => i.naturalWidth > 0)")
    form = jupyter.output(jupyter.cell("%lepton ui export"))
    expect(form).to_contain_text("Form for %lepton export")
    expect(form).to_contain_text("To have the form itself, run this cell again.")
    expect(form.locator(".jupyter-widgets")).to_have_count(0)
    assert jupyter.errors == []
