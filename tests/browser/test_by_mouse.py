"""The whole way by mouse alone, from an empty notebook to a file; and the same again by running what was written."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NOTEBOOK

if TYPE_CHECKING:
    from tests.browser.conftest import LabPage

CELLS = f"{NOTEBOOK}.content.widgets"
RAISED = f"{CELLS}.flatMap(c => c.model.outputs?.toJSON() ?? []).filter(o => o.output_type === 'error')"
FORM = "%lepton ui "
TRAIN = "%lepton train cnn --data digits --epochs 3 --batch-size 32 --strategy multiworker"


class Mouse:
    """What a person does with the sidebar and the forms that it opens."""

    def __init__(self, jupyter: LabPage) -> None:
        self.jupyter, self.sidebar = jupyter, jupyter.show_sidebar()

    def press(self, button: str) -> None:
        """A button of the sidebar."""
        self.sidebar.get_by_role("button", name=button, exact=True).click()

    def form(self, button: str, **fields: str) -> Locator:
        """The form that a button of the sidebar opens, below all that there is, filled in."""
        number = len(self.jupyter.sources())
        self.press(button)
        self.jupyter.wait_for(f"{CELLS}.length > {number}")
        form = self.jupyter.output(number)
        for name, text in fields.items():
            field = form.get_by_label(name.replace("_", " "), exact=True).first
            if field.evaluate("e => e.tagName") == "SELECT":
                field.select_option(text)
            else:
                field.fill(text)
        return form

    def run(self, form: Locator, line: str) -> None:
        """Press the form's button, and wait until its line stands in the notebook with what came of it."""
        expect(form.locator(".lepton-line")).to_have_text(line)
        form.get_by_role("button", name="Run").click()
        cell = f"{CELLS}.find(c => c.model.sharedModel.source === {json.dumps(line)})"
        self.jupyter.wait_for(f"{cell}?.model.outputs.length", 120)

    def written(self) -> list[str]:
        """The notebook's lines that do something; those that open a form left out."""
        return [source for source in self.jupyter.sources() if not source.startswith(FORM)]

    def restart_and_run_all(self) -> None:
        """By the menu, with its dialog; fails if a cell raised."""
        self.jupyter.menu("Kernel", "Restart Kernel and Run All Cells…")
        self.jupyter.page.click(".jp-Dialog-button.jp-mod-warn")
        expect(self.sidebar.get_by_role("button", name="Start cluster")).to_be_visible()
        self.jupyter.wait_for_cells(180)
        assert self.jupyter.page.evaluate(RAISED) == []

    def accuracies(self) -> dict[str, str]:
        """What the sidebar says of each model."""
        items = self.sidebar.locator("details", has_text="Models").get_by_role("listitem").all_inner_texts()
        return dict(
            re.findall(r"^(\S+)\s.*accuracy\s([\d.]+)", "\n".join(item.replace("\n", " ") for item in items), re.M)
        )


@pytest.fixture
def mouse(jupyter: LabPage) -> Mouse:
    """An empty notebook with the sidebar beside it."""
    jupyter.write("mouse.ipynb", "")
    jupyter.open("mouse.ipynb")
    return Mouse(jupyter)


@pytest.mark.timeout(400)
def test_all_by_mouse_and_all_again(mouse: Mouse) -> None:
    jupyter, sidebar = mouse.jupyter, mouse.sidebar
    jupyter.picture("mouse-empty")
    mouse.press("Load Lepton Lab")
    sidebar.get_by_role("form", name="New cluster").get_by_label("Workers").fill("2")
    jupyter.picture("mouse-start")
    mouse.press("Start cluster")
    expect(sidebar.get_by_role("progressbar", name="CPU of w1")).to_be_visible(timeout=60_000)
    jupyter.picture("mouse-cluster")

    form = mouse.form("Load data…", source="digits")
    mouse.run(form, "%lepton data load digits")
    jupyter.picture("mouse-load")
    form = mouse.form("Shard…", shards="4")
    mouse.run(form, "%lepton data shard digits --shards 4")
    jupyter.picture("mouse-shard")
    form = mouse.form("Train…", model="cnn", epochs="3", batch_size="32", strategy="multiworker")
    jupyter.picture("mouse-train")
    mouse.run(form, TRAIN)
    jupyter.picture("mouse-trained")
    form = mouse.form("Evaluate…")
    mouse.run(form, "%lepton evaluate cnn")
    jupyter.picture("mouse-evaluated")
    form = mouse.form("Compress…", model="cnn", epochs="2")
    jupyter.picture("mouse-compress")
    mouse.run(form, "%lepton compress cnn prune --epochs 2")
    jupyter.picture("mouse-pruned")
    form = mouse.form("Compress…", model="cnn-pruned", technique="quantize")
    mouse.run(form, "%lepton compress cnn-pruned quantize")
    jupyter.picture("mouse-quantized")
    form = mouse.form("Export…", model="cnn-pruned-int8", format="tflite")
    mouse.run(form, "%lepton export cnn-pruned-int8 tflite")
    jupyter.picture("mouse-exported")
    with jupyter.page.expect_download() as download:
        sidebar.get_by_role("link", name="Download cnn-pruned-int8.tflite").click()
    assert download.value.path().read_bytes()[4:8] == b"TFL3"
    written, shown, metrics = mouse.written(), mouse.accuracies(), records(jupyter)
    assert written == [
        "%load_ext lepton_lab",
        "%lepton cluster up --workers 2",
        "%lepton data load digits",
        "%lepton data shard digits --shards 4",
        TRAIN,
        "%lepton evaluate cnn",
        "%lepton compress cnn prune --epochs 2",
        "%lepton compress cnn-pruned quantize",
        "%lepton export cnn-pruned-int8 tflite",
    ]
    assert set(shown) == set(metrics) == {"cnn", "cnn-pruned", "cnn-pruned-int8"}

    mouse.restart_and_run_all()
    jupyter.picture("mouse-again")
    expect(sidebar.get_by_role("progressbar", name="CPU of w1")).to_be_visible()
    assert mouse.written() == written
    assert mouse.accuracies() == shown
    again = records(jupyter)
    for model, values in metrics.items():
        assert again[model] == pytest.approx(values, abs=1e-4), model  # one rank or two: the choice is measured

    mouse.press("Compare")
    panel = jupyter.page.get_by_role("tabpanel", name="Compression")
    panel.get_by_label("model").select_option("cnn-pruned-int8")
    panel.get_by_role("button", name="Write as a cell").click()
    jupyter.switch_to("mouse.ipynb")
    sources = f"{CELLS}.map(c => c.model.sharedModel.source)"
    chain = "s.startsWith('%lepton train') && s.includes('%lepton compress cnn-pruned quantize')"
    jupyter.wait_for(f"{sources}.filter(s => {chain}).length === 1")  # all the lines that made it, in one cell
    jupyter.picture("mouse-compare")
    assert jupyter.errors == []


def records(jupyter: LabPage) -> dict[str, Any]:
    """What the lab recorded of its models."""
    models = jupyter.server.root / jupyter.folder / "lepton_workspace" / "models"
    return {path.parent.name: json.loads(path.read_text())["metrics"] for path in sorted(models.glob("*/model.json"))}
