"""Forms by keyboard and for screen readers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import LabPage


def test_a_form_by_keyboard(jupyter: LabPage) -> None:
    jupyter.write("form.ipynb", "%load_ext lepton_lab", "%lepton data load digits", "%lepton ui data shard")
    jupyter.open("form.ipynb")
    jupyter.run_all()
    jupyter.wait_for_cells()
    form, run = jupyter.output(2), jupyter.output(2).get_by_role("button", name="Run")
    shards = form.get_by_label("shards", exact=True)
    expect(run).to_be_enabled()
    expect(form.get_by_label("name", exact=True)).to_have_value("digits")
    for label in ("by", "key"):
        expect(form.get_by_label(label, exact=True)).to_be_visible()
    expect(form.get_by_label("alpha", exact=True)).to_be_hidden()

    shards.fill("")
    shards.press_sequentially("few")
    expect(form).to_contain_text("shards is 'few', expected a whole number of at least 1.")
    expect(run).to_be_disabled()
    expect(form.locator(".lepton-line")).to_be_hidden()
    shards.fill("3")
    expect(form).not_to_contain_text("expected a whole number")
    expect(form.locator(".lepton-line")).to_have_text("%lepton data shard digits --shards 3")

    run.press("Enter")
    expect(form).to_contain_text(re.compile("Shards of digits"))
    assert jupyter.errors == []


def test_a_form_says_what_the_lab_lacks(jupyter: LabPage) -> None:
    jupyter.write("empty.ipynb", "%load_ext lepton_lab", "%lepton ui export")
    jupyter.open("empty.ipynb")
    jupyter.run_all()
    jupyter.wait_for_cells()
    form = jupyter.output(1)
    expect(form).to_contain_text("needed, and the lab has no model yet")
    expect(form.get_by_role("button", name="Run")).to_be_disabled()
