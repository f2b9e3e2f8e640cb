"""Work that a form does: sent to the background, stopped, written into the notebook or kept out of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import LabPage

TRAIN = "%lepton train cnn --data digits --epochs 5000 --strategy single"


@pytest.mark.timeout(400)
def test_a_form_at_work(jupyter: LabPage) -> None:
    jupyter.write(
        "work.ipynb",
        "%load_ext lepton_lab",
        "%lepton cluster up --workers 1",
        "%lepton data load digits",
        "%lepton ui train",
        "# not run",
    )
    jupyter.open("work.ipynb")
    sidebar = jupyter.show_sidebar()
    for index in range(4):
        jupyter.start(index)
        jupyter.wait_for_cell(index, 90)
    form = jupyter.output(3)
    form.get_by_label("epochs", exact=True).fill("5000")
    form.get_by_label("strategy", exact=True).select_option("single")
    line, run = form.locator(".lepton-line"), form.get_by_role("button", name="Run")
    expect(line).to_have_text(TRAIN)

    form.get_by_role("button", name="Insert as a cell").click()
    jupyter.wait_for("jupyterapp.shell.currentWidget.content.widgets.length === 6")
    assert jupyter.sources()[3:] == ["%lepton ui train", TRAIN, "# not run"]

    run.click()
    background = form.get_by_role("button", name="To background")
    expect(background).to_be_enabled(timeout=60_000)
    expect(run).to_be_disabled()
    jupyter.picture("form-runs")
    background.click()
    expect(run).to_be_enabled()
    jupyter.picture("form-background")
    form.get_by_role("button", name="Stop").click()
    expect(form).to_contain_text("cancelled", timeout=60_000)
    # the cell that waited with this line has what came of it; it is not written twice
    expect(jupyter.output(4)).to_contain_text("cancelled")
    assert jupyter.sources()[3:] == ["%lepton ui train", TRAIN, "# not run"]

    with _no_cells(jupyter):
        sources, form = jupyter.sources(), jupyter.output(3)
        form.get_by_label("epochs", exact=True).fill("1")
        form.get_by_role("button", name="Run").click()
        expect(form).to_contain_text("test split", timeout=60_000)
        sidebar.get_by_role("button", name="Stop cluster").click()
        expect(sidebar.get_by_role("button", name="Start cluster")).to_be_visible(timeout=60_000)
        assert jupyter.sources() == sources
    assert jupyter.errors == []


@contextmanager
def _no_cells(jupyter: LabPage) -> Iterator[None]:
    """The setting that cells are written, off: by JupyterLab's editor of settings, and back in the notebook."""
    page, server = jupyter.page, jupyter.server
    jupyter.menu("Settings", "Settings Editor")
    page.locator(".jp-PluginList-entry", has_text="Lepton Lab").click()
    with page.expect_response(lambda answer: "settings" in answer.url and answer.request.method == "PUT"):
        page.get_by_label("Write what is done by mouse as cells").uncheck()
    jupyter.picture("form-settings")
    jupyter.switch_to("work.ipynb")
    try:
        yield
    finally:  # settings are the server's, which other tests use, too
        address = f"{server.url}/lab/api/settings/lepton-lab:settings?token={server.token}"
        assert page.request.put(address, data={"raw": "{}"}).ok
