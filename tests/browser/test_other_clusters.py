"""A cluster that outlives its kernel, and where Lepton Lab is offered besides its sidebar."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import LabPage


@pytest.mark.timeout(400)
def test_a_cluster_that_outlives_its_kernel(jupyter: LabPage) -> None:
    jupyter.write("one.ipynb", "%load_ext lepton_lab")
    jupyter.write("two.ipynb", "%load_ext lepton_lab")
    jupyter.open("one.ipynb")
    sidebar = jupyter.show_sidebar()
    jupyter.run_all()
    form = sidebar.get_by_role("form", name="New cluster")
    form.get_by_label("Workers").fill("1")
    form.get_by_label("Outlives the kernel").check()
    form.get_by_role("button", name="Start cluster").click()
    cpu = sidebar.get_by_role("progressbar", name="CPU of w0")
    expect(cpu).to_be_visible(timeout=60_000)
    jupyter.wait_for_cells()

    jupyter.menu("Kernel", "Restart Kernel…")
    jupyter.page.click(".jp-Dialog-button.jp-mod-warn")
    sidebar.get_by_role("button", name="Load Lepton Lab").click(timeout=60_000)
    jupyter.picture("other-found")
    sidebar.get_by_role("button", name="Attach to lab").click()
    expect(cpu).to_be_visible(timeout=60_000)
    assert jupyter.sources()[-1] == "%lepton cluster attach lab"

    jupyter.switch_to("two.ipynb")
    expect(sidebar).to_contain_text("two.ipynb")
    jupyter.run_all()
    others = sidebar.get_by_role("list", name="Other clusters")
    expect(others).to_contain_text(re.compile(r"running, 1 worker, outlives its kernel"), timeout=60_000)
    others.get_by_role("button", name="End lab").click()
    expect(others).to_have_count(0, timeout=60_000)
    assert jupyter.sources() == ["%load_ext lepton_lab"]
    jupyter.switch_to("one.ipynb")
    expect(sidebar.get_by_role("button", name="Start cluster")).to_be_visible(timeout=60_000)
    jupyter.picture("other-ended")
    assert jupyter.errors == []


def test_launcher_and_palette(jupyter: LabPage) -> None:
    jupyter.write("cards.ipynb", "%load_ext lepton_lab", "%lepton data load digits")
    jupyter.open("cards.ipynb")
    jupyter.run_all()
    jupyter.wait_for_cells()
    page = jupyter.page
    expect(jupyter.show_sidebar()).to_contain_text("digits")
    _palette(jupyter, "Evaluate…")
    jupyter.wait_for_cells()
    assert jupyter.sources()[-1] == "%lepton ui evaluate"
    expect(jupyter.output(2)).to_contain_text("the lab has no model yet")

    _palette(jupyter, "Show status")
    jupyter.wait_for_cells()
    assert jupyter.sources()[-1] == "%lepton status"

    jupyter.menu("File", "New Launcher")
    cards = page.locator(".jp-Launcher-section", has_text="Lepton Lab")
    jupyter.picture("other-launcher")
    for title in ("Load of the devices", "Training", "Shards", "Compressed models", "Arrange notebook and panels"):
        expect(cards.locator(".jp-LauncherCard", has_text=title).first).to_be_visible()
    cards.locator(".jp-LauncherCard", has_text="Shards").click()
    expect(page.get_by_role("tabpanel", name="Shards")).to_contain_text("Shards: no data set has any yet")
    jupyter.picture("other-panel")
    assert jupyter.errors == []


def _palette(jupyter: LabPage, label: str) -> None:
    jupyter.menu("View", "Activate Command Palette")
    jupyter.page.locator(".lm-CommandPalette-input:visible").fill(label)
    jupyter.page.locator(".lm-CommandPalette-item:visible", has_text=label).first.click()
