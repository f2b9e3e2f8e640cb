"""A whole notebook as a person works with it: run, look, export by mouse, save, open again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import LabPage

LINES = (
    "%load_ext lepton_lab",
    "%lepton cluster up --workers 2",
    "%lepton data load digits",
    "%lepton panel devices",
    "%lepton train cnn --data digits --epochs 6",
    "%lepton ui export",
)
PICTURES = ".jp-OutputArea-output :is(img, svg)"


def test_train_export_save_and_open_again(jupyter: LabPage) -> None:
    path = jupyter.write("whole.ipynb", *LINES)
    jupyter.open("whole.ipynb")
    sidebar = jupyter.show_sidebar()
    jupyter.run_all()
    jupyter.wait_for_cells(150)
    expect(jupyter.page.locator(".bk-Figure, [class*=bk-Figure]").first).to_be_visible(timeout=20_000)
    expect(sidebar).to_contain_text(re.compile(r"cnntrained, [\d,]+ parameters, accuracy \d\d\.\d\s%"))

    form = jupyter.page.locator(".jp-Cell").last
    for name, choice in (("model", "cnn"), ("format", "tflite")):
        row = form.locator(".widget-hbox").filter(has=jupyter.page.locator(f".widget-label:text-is('{name}')"))
        row.locator("select").select_option(choice)
    form.get_by_role("button", name="Run").click()
    expect(sidebar).to_contain_text("cnn as tflite", timeout=60_000)
    expect(form.get_by_role("link")).to_be_visible()
    assert jupyter.errors == []

    jupyter.append("%lepton cluster down")
    jupyter.run_last()
    jupyter.wait_for_cells(60)
    jupyter.page.wait_for_timeout(1000)  # a panel leaves its picture when its work ends
    jupyter.command("docmanager:save")
    assert path.stat().st_size < 500_000

    jupyter.forget_kernel(path)
    jupyter.open("whole.ipynb", kernel=False)
    jupyter.page.click('.jp-Dialog-button:has-text("No Kernel")')
    expect(jupyter.show_sidebar()).to_contain_text("This notebook has no kernel.")
    expect(jupyter.page.locator(PICTURES).first).to_be_visible()
