"""Notebook 7: the same extension in a page with one document and an area on either side of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.conftest import LIVE, NOTEBOOK, LabPage, Server, serve, shut_down_kernels

OF_NOTEBOOK = "Cannot read properties of undefined (reading 'schema')"
"""What Notebook 7.6 says itself as its page loads, without any extension."""


class NotebookPage(LabPage):
    """Notebook 7 in a browser's tab."""

    def open(self, name: str = "", kernel: bool = True) -> None:
        """Open a notebook of the test's folder."""
        self.page.goto(f"{self.server.url}/notebooks/{self.folder}/{name}?token={self.server.token}")
        self.page.wait_for_selector(".jp-Notebook", timeout=60_000)
        if kernel:
            self.wait_for(f"{NOTEBOOK}?.sessionContext?.session?.kernel?.status === 'idle'", 60)

    def show_sidebar(self) -> Locator:
        """Open the sidebar by the menu."""
        self.page.click('.lm-MenuBar-itemLabel:text("View")')
        self.page.hover('.lm-Menu-itemLabel:text-is("Left Sidebar")')
        self.page.click('.lm-Menu-itemLabel:text-is("Show Lepton Lab")')
        self.sidebar.wait_for(state="visible")
        return self.sidebar

    @property
    def own_errors(self) -> list[str]:
        """Errors that are not Notebook's own."""
        return [error for error in self.errors if error != OF_NOTEBOOK]


@pytest.fixture(scope="module")
def notebook_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Notebook 7 of its own."""
    with serve("notebook", tmp_path_factory) as server:
        yield server


@pytest.fixture
def notebook(notebook_server: Server, browser: Browser, tmp_path: Path) -> Iterator[NotebookPage]:
    """A fresh tab; the kernels that a test started end with it."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    yield NotebookPage(notebook_server, context.new_page(), tmp_path.name)
    context.close()
    shut_down_kernels(notebook_server)


def test_the_sidebar_loads_the_lab(notebook: NotebookPage) -> None:
    notebook.write("load.ipynb", "a = 1")
    notebook.open("load.ipynb")
    assert notebook.page.evaluate("jupyterapp.version") == version("notebook")
    sidebar = notebook.show_sidebar()
    sidebar.get_by_role("button", name="Load Lepton Lab").click()
    expect(sidebar.get_by_role("button", name="Start cluster")).to_be_visible()
    assert notebook.sources() == ["%load_ext lepton_lab", "a = 1"]
    assert notebook.own_errors == []


def test_panels_are_live_and_a_run_is_stopped_while_its_cell_runs(notebook: NotebookPage) -> None:
    notebook.write(
        "work.ipynb",
        "%load_ext lepton_lab",
        "%lepton cluster up --workers 1",
        "%lepton data load digits",
        "%lepton panel devices",
        "%lepton train cnn --data digits --epochs 2000",
    )
    notebook.open("work.ipynb")
    sidebar = notebook.show_sidebar()
    notebook.run_all()
    stop = sidebar.get_by_role("button", name=re.compile("^Stop cnn"))
    expect(stop).to_be_visible(timeout=90_000)
    expect(notebook.output(notebook.cell("%lepton panel")).locator(LIVE).first).to_be_visible()

    sidebar.get_by_role("button", name="Show training").click()
    docked = notebook.page.locator("#jp-right-stack .lepton-Dock")
    expect(docked.locator(LIVE).first).to_be_visible()
    expect(docked).to_contain_text(re.compile(r"epoch|loss"))

    stop.click()
    expect(sidebar).to_contain_text("cancelled")
    notebook.wait_for_cells(30)
    assert notebook.own_errors == []
