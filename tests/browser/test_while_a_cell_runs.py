"""What a person does by mouse while a cell trains: look, scale, stop, resume: none of it is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NOTEBOOK

if TYPE_CHECKING:
    from tests.browser.conftest import LabPage

TRAIN = "%lepton train cnn --data digits --epochs 5000 --strategy multiworker"
BUSY = f"{NOTEBOOK}.content.widgets.at(-1).model.executionState === 'running'"


@pytest.mark.timeout(400)
def test_while_a_cell_trains(jupyter: LabPage) -> None:
    jupyter.write(
        "busy.ipynb", "%load_ext lepton_lab", "%lepton cluster up --workers 2", "%lepton data load digits", ""
    )
    jupyter.open("busy.ipynb")
    sidebar = jupyter.show_sidebar()
    jupyter.run_all()
    jupyter.wait_for_cells(90)
    jupyter.append(TRAIN)
    jupyter.run_last()
    sources = jupyter.sources()
    progress = sidebar.get_by_role("progressbar", name="Progress of cnn-1")
    expect(progress).to_have_attribute("aria-valuenow", re.compile(r"^\d+$"), timeout=90_000)

    _the_status_bar_opens_the_sidebar(jupyter)
    _words_are_completed_and_explained(jupyter)
    sidebar.get_by_role("button", name="Logs of the cluster").click()
    dialog = jupyter.page.get_by_role("dialog")
    expect(dialog).to_contain_text("scheduler")
    jupyter.picture("busy-logs")
    dialog.get_by_role("button", name="Close").click()

    sidebar.get_by_role("button", name="One worker less").click()
    expect(sidebar.get_by_role("progressbar", name="CPU of w1")).to_have_count(0, timeout=60_000)
    expect(sidebar.get_by_label("Number of workers").get_by_label("Workers")).to_have_value("1")
    expect(sidebar).to_contain_text(re.compile(r"cnn-1\s*running"), timeout=60_000)
    jupyter.wait_for(BUSY)
    jupyter.picture("busy-scaled")

    sidebar.get_by_role("button", name="Stop cnn-1").click()
    expect(sidebar).to_contain_text(re.compile(r"cnn-1\s*cancelled"), timeout=60_000)
    jupyter.wait_for_cells(60)
    sidebar.get_by_role("button", name="Resume cnn-1").click()
    expect(sidebar).to_contain_text(re.compile(r"cnn-1\s*running"), timeout=90_000)
    jupyter.picture("busy-resumed")
    sidebar.get_by_role("button", name="Stop cnn-1").click()
    expect(sidebar).to_contain_text(re.compile(r"cnn-1\s*cancelled"), timeout=60_000)
    assert jupyter.sources() == sources
    assert jupyter.errors == []


def _the_status_bar_opens_the_sidebar(jupyter: LabPage) -> None:
    glance = jupyter.page.get_by_role("button", name=re.compile(r"^2 workers · CPU \d+\s% · cnn-1 \d+\s%$"))
    expect(glance).to_be_visible()
    jupyter.page.click('.jp-SideBar [data-id="lepton-lab-sidebar"]')  # folds it
    expect(jupyter.sidebar).to_be_hidden()
    glance.click()
    expect(jupyter.sidebar).to_be_visible()


def _words_are_completed_and_explained(jupyter: LabPage) -> None:
    """In the empty cell above the running one, which is empty again afterwards."""
    jupyter.wait_for(BUSY)
    page, index = jupyter.page, jupyter.sources().index("")
    jupyter.page.evaluate(f"{NOTEBOOK}.content.scrollToItem({index}, 'start').then(() => null)")
    editor = page.locator(f'.jp-Cell[data-windowed-list-index="{index}"] .cm-content')
    editor.click()
    editor.press_sequentially("%lepton data sh")
    editor.press("Tab")
    expect(page.locator(".jp-Completer-item").first).to_be_visible()
    expect(page.locator(".jp-Completer")).to_contain_text("shard")
    jupyter.picture("busy-completion")
    page.locator(".jp-Completer-item", has_text="shard").click()
    expect(editor).to_have_text("%lepton data shard")
    editor.locator(".cm-line").hover(position={"x": 120, "y": 8})  # on the word "shard"
    expect(page.locator(".lepton-Hover")).to_contain_text("Cut a data set's training rows into shards")
    jupyter.picture("busy-hover")
    editor.press("Control+a")
    editor.press("Delete")
    editor.press("Escape")
