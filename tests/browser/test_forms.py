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
    expect(form.get_by_text("Form for %lepton export")).to_be_hidden()  # what a page without widgets shows
    expect(form.get_by_role("button", name="Run")).to_be_disabled()


def test_fields_speak_to_screen_readers(jupyter: LabPage) -> None:
    jupyter.write("aria.ipynb", "%load_ext lepton_lab", "%lepton data load digits", "%lepton ui data show")
    jupyter.open("aria.ipynb")
    jupyter.run_all()
    jupyter.wait_for_cells()
    form = jupyter.output(2)
    rows, slider = form.get_by_label("rows", exact=True).first, form.get_by_role("slider", name="rows")
    expect(rows).to_have_attribute("aria-invalid", "false")
    rows.fill("101")
    expect(rows).to_have_attribute("aria-invalid", "true")
    expect(form.locator(f"#{rows.get_attribute('aria-describedby')}")).to_have_text(
        "rows is 101, expected a number between 1 and 100."
    )
    rows.fill("40")
    expect(slider).to_have_attribute("aria-valuenow", re.compile("40"))
    slider.press("ArrowRight")
    expect(rows).to_have_value("41")
    expect(form.locator(".lepton-line")).to_have_text("%lepton data show digits --rows 41")
    assert jupyter.errors == []


def test_all_forms_and_folded_options_by_keyboard(jupyter: LabPage) -> None:
    jupyter.write("all.ipynb", "%load_ext lepton_lab", "%lepton data load digits", "%lepton ui")
    jupyter.open("all.ipynb")
    jupyter.run_all()
    jupyter.wait_for_cells()
    forms = jupyter.output(2)
    forms.get_by_label("%lepton", exact=True).select_option("train")
    expect(forms).to_contain_text("Train a model on all workers.")
    expect(forms.get_by_label("keep", exact=True)).to_be_hidden()
    forms.get_by_role("button", name="More options").press("Enter")
    expect(forms.get_by_label("keep", exact=True)).to_be_visible()
    forms.get_by_label("filter", exact=True).press_sequentially("loss")
    expect(forms.get_by_label("keep", exact=True)).to_be_hidden()
    forms.get_by_label("loss", exact=True).fill("mse")
    expect(forms.locator(".lepton-line").last).to_have_text("%lepton train cnn --data digits --loss mse")
    expect(forms).to_contain_text("More options (14, 1 changed)")
    assert jupyter.errors == []


def test_the_line_is_copied(jupyter: LabPage) -> None:
    jupyter.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    jupyter.write("copy.ipynb", "%load_ext lepton_lab", "%lepton ui cluster up")
    jupyter.open("copy.ipynb")
    jupyter.run_all()
    jupyter.wait_for_cells()
    form = jupyter.output(1)
    form.get_by_label("workers", exact=True).fill("2")
    expect(form.locator(".lepton-line")).to_have_text("%lepton cluster up --workers 2")
    form.get_by_role("button", name="Copy").press("Enter")
    expect(form.get_by_role("button", name="Copied")).to_be_visible()
    assert jupyter.page.evaluate("navigator.clipboard.readText()") == "%lepton cluster up --workers 2"
    assert jupyter.errors == []
