"""The sidebar beside real work: workers, training, and the button that stops it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LIVE

if TYPE_CHECKING:
    from tests.browser.conftest import LabPage

CLUSTER = ("%load_ext lepton_lab", "%lepton cluster up --workers 2", "%lepton data load digits")


@pytest.fixture
def at_work(jupyter: LabPage) -> LabPage:
    """A notebook with two workers and a data set, the sidebar open."""
    jupyter.write("work.ipynb", *CLUSTER)
    jupyter.open("work.ipynb")
    jupyter.show_sidebar()
    jupyter.run_all()
    jupyter.wait_for_cells(90)
    return jupyter


def test_shows_workers_and_stops_a_run_while_its_cell_runs(at_work: LabPage) -> None:
    sidebar = at_work.sidebar
    for worker in ("w0", "w1"):
        cpu = sidebar.get_by_role("progressbar", name=f"CPU of {worker}")
        expect(cpu).to_have_attribute("aria-valuetext", re.compile(r"^\d+ %$"))
    expect(sidebar).to_contain_text("digits")

    at_work.append("%lepton train cnn --data digits --epochs 2000")
    at_work.run_last()
    progress = sidebar.get_by_role("progressbar", name=re.compile("^Progress of "))
    expect(progress).to_have_attribute("aria-valuenow", re.compile(r"^\d+$"), timeout=90_000)
    expect(sidebar).to_contain_text(re.compile(r"epoch \d+ of 2000 · loss [\d.e-]+ · accuracy [\d.]+\s%"))

    sidebar.get_by_role("button", name=re.compile("^Stop cnn")).click()
    expect(sidebar).to_contain_text("cancelled")
    expect(progress).to_have_count(0)
    at_work.wait_for_cells(30)
    expect(sidebar.get_by_role("progressbar", name="CPU of w0")).to_be_visible()
    assert at_work.errors == []


def test_docks_a_panel_and_scales_while_a_cell_runs(at_work: LabPage) -> None:
    at_work.append("import time; time.sleep(600)")
    at_work.run_last()
    at_work.sidebar.get_by_role("button", name="Show load").click()
    docked = at_work.page.locator("#jp-main-dock-panel .lepton-Dock")
    expect(docked.locator(LIVE).first).to_be_visible()

    at_work.sidebar.get_by_role("button", name="One worker more").click()
    expect(at_work.sidebar.get_by_role("progressbar", name="CPU of w2")).to_be_visible(timeout=60_000)
    expect(docked).to_contain_text("3 workers")
    expect(at_work.page.locator(".jp-Cell").last).to_contain_text("[*]:")
    assert at_work.errors == []


def test_run_and_panel_come_back_after_a_reload_in_the_middle_of_the_cell(at_work: LabPage) -> None:
    at_work.append("%lepton panel devices")
    at_work.run_last()
    at_work.wait_for_cells()
    at_work.append("%lepton train cnn --data digits --epochs 2000")
    at_work.command("docmanager:save")
    at_work.run_last()
    stop = at_work.sidebar.get_by_role("button", name=re.compile("^Stop cnn"))
    expect(stop).to_be_visible(timeout=90_000)

    at_work.open("work.ipynb", kernel=False)
    stop = at_work.show_sidebar().get_by_role("button", name=re.compile("^Stop cnn"))
    panel = at_work.output(at_work.cell("%lepton panel"))
    expect(panel.locator(LIVE).first).to_be_visible()
    expect(panel.locator("img")).to_be_hidden()
    at_work.sidebar.get_by_role("button", name="Show training").click()
    docked = at_work.page.get_by_role("region", name="Training of work.ipynb")
    expect(docked.locator(LIVE).first).to_be_visible()
    expect(docked).to_contain_text("step")
    assert stop.is_visible(), "the training ended before the panels were seen beside it"
    stop.click()
    expect(at_work.sidebar).to_contain_text("cancelled")
    assert at_work.errors == []


def test_buttons_below_the_bar_of_a_running_cell(at_work: LabPage) -> None:
    at_work.append("%lepton train cnn --data digits --epochs 2000")
    at_work.run_last()
    cell = at_work.output(3)
    cell.get_by_role("button", name="To background").click(timeout=90_000)
    at_work.wait_for_cell(3)
    expect(cell.get_by_role("button")).to_have_count(0)
    expect(cell).to_contain_text(re.compile("starting|running"))

    at_work.append("%lepton run wait")
    at_work.run_last()
    cell = at_work.output(4)
    cell.get_by_role("button", name="Stop").click()
    at_work.wait_for_cell(4)
    expect(cell).to_contain_text("cancelled")
    expect(at_work.sidebar).to_contain_text("cancelled")
    assert at_work.errors == []


def test_buttons_write_their_line(at_work: LabPage) -> None:
    at_work.sidebar.get_by_role("button", name="Stop cluster").click()
    expect(at_work.sidebar.get_by_role("button", name="Start cluster")).to_be_visible(timeout=30_000)
    assert at_work.sources()[-1] == "%lepton cluster down"
