"""What people need who work by keyboard, by a screen reader, in a dark theme, or with a notebook that has no kernel."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import LIVE, NOTEBOOK, LabPage, shut_down_kernels

AXE = Path(__file__).parents[2] / "extension" / "node_modules" / "axe-core" / "axe.min.js"
THEMES = ("Light", "Dark")
SIDEBAR, DOCK = "#lepton-lab-sidebar", ".lepton-Dock"
WORK = (
    "%load_ext lepton_lab",
    "%lepton cluster up --workers 2",
    "%lepton data load digits",
    "%lepton panel devices",
    "%lepton panel training",
    "%lepton train cnn --data digits --epochs 2 --strategy single",
    "%lepton compress cnn quantize --scheme int8",
    "%lepton export cnn tflite --to cnn.tflite",
    "%lepton panel compression",
    "%lepton ui",
    "%lepton ui train",
    "%lepton ui compress",
    "%lepton ui export",
    "%lepton data show digits",
)
LONG = "%lepton train cnn --data digits --epochs 2000"
INK = """async source => {
  const image = Object.assign(new Image(), { src: source });
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  const shades = new Map();
  for (let i = 0; i < data.length; i += 4) {
    if (Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) < 16) {
      shades.set(data[i + 1], (shades.get(data[i + 1]) ?? 0) + 1);
    }
  }
  const light = shade => (shade <= 10 ? shade / 3294.6 : ((shade / 255 + 0.055) / 1.055) ** 2.4) + 0.05;
  const ground = [...shades].reduce((most, one) => (one[1] > most[1] ? one : most))[0];
  const ratio = shade => Math.max(light(shade) / light(ground), light(ground) / light(shade));
  return { isDark: ground < 128, contrast: Math.max(...[...shades.keys()].map(ratio)) };
}"""
"""The ground of a picture, its most frequent grey, and how far the text stands out from it, as WCAG counts it."""
OUTLINED = """element => {
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
}"""


@pytest.fixture
def lab(jupyter: LabPage) -> Iterator[LabPage]:
    """A tab in the light theme, in which the next one finds JupyterLab again."""
    yield jupyter
    wear(jupyter, "Light")


def wear(jupyter: LabPage, theme: str) -> None:
    """Change JupyterLab's theme."""
    jupyter.command("apputils:change-theme", theme=f"JupyterLab {theme}")
    jupyter.wait_for(f"document.body.dataset.jpThemeName === 'JupyterLab {theme}'")


def findings(jupyter: LabPage, selector: str) -> list[str]:
    """What axe finds fault with in an element and what is in it."""
    page = jupyter.page
    if not page.evaluate("'axe' in window"):
        if not AXE.exists():
            pytest.fail(f"{AXE} is missing: run `npm ci` in extension/ (`make test` does).")
        page.evaluate(f"{AXE.read_text()}; null")
    expect(page.locator(selector).first).to_be_visible()
    # what fades in has its colours when it is there
    jupyter.wait_for("document.getAnimations().every(each => each.playState !== 'running')")
    found: list[dict[str, Any]] = page.evaluate(
        "selector => axe.run({ include: [[selector]] }).then(result => result.violations)", selector
    )
    return [f"{each['impact']} {each['id']}: {node['html']}" for each in found for node in each["nodes"]]


def ink(locator: Locator) -> tuple[bool, float]:
    """Whether what is seen there is dark, and the contrast of its text."""
    source = f"data:image/png;base64,{base64.b64encode(locator.screenshot()).decode()}"
    seen = locator.page.evaluate(INK, source)
    return seen["isDark"], seen["contrast"]


def expect_readable(theme: str, locator: Locator) -> None:
    """Wait until an element's text stands out from a ground of this theme, as WCAG asks of small text."""
    expect(locator).to_be_visible()
    for _ in range(50):
        is_dark, contrast = ink(locator)
        if is_dark == (theme == "Dark") and contrast >= 4.5:
            return
        locator.page.wait_for_timeout(200)
    pytest.fail(f"in {theme}: a {'dark' if is_dark else 'light'} ground, contrast {contrast:.1f}")


class TestFindings:
    """No fault that axe knows of, in either theme."""

    def test_before_the_work(self, lab: LabPage) -> None:
        lab.write("before.ipynb", "%load_ext lepton_lab")
        lab.open()
        sidebar = lab.show_sidebar()
        expect(sidebar).to_contain_text("Open a notebook")
        self._look(lab, SIDEBAR)
        lab.open("before.ipynb")
        lab.show_sidebar()
        expect(sidebar.get_by_role("button", name="Load Lepton Lab")).to_be_visible()
        self._look(lab, SIDEBAR)
        lab.run_all()
        sidebar.get_by_label("Workers").fill("many")
        expect(sidebar).to_contain_text("A whole number")
        self._look(lab, SIDEBAR, ".lepton-Status")
        assert lab.errors == []

    @pytest.mark.timeout(400)
    def test_with_all_there_is(self, lab: LabPage) -> None:
        lab.write("work.ipynb", *WORK)
        lab.open("work.ipynb")
        lab.show_sidebar()
        lab.run_all()
        lab.wait_for_cells(150)
        lab.sidebar.get_by_role("button", name="Tasks").click()
        expect(lab.page.locator(DOCK).locator(LIVE).first).to_be_visible()
        for theme in THEMES:
            wear(lab, theme)
            assert findings(lab, SIDEBAR) + findings(lab, DOCK) == [], theme
            expect_readable(theme, lab.page.locator(DOCK).locator(".bk-Figure").first)
            lab.switch_to("work.ipynb")
            for index in range(WORK.index("%lepton panel devices"), len(WORK)):
                lab.output(index)
                found = findings(lab, f'.jp-Cell[data-windowed-list-index="{index}"] .jp-OutputArea')
                assert found == [], (theme, WORK[index])
            self._look_at_pictures(lab, theme)
        _choose_by_keyboard(lab)

        lab.append(LONG)
        lab.run_last()
        stop = lab.sidebar.get_by_role("button", name=re.compile("^Stop cnn"))
        expect(stop).to_be_visible(timeout=60_000)
        expect(lab.output(lab.cell(LONG)).get_by_role("progressbar")).to_be_visible()
        self._look(lab, SIDEBAR, ".lepton-bar", ".lepton-Status")
        stop.click()
        expect(lab.sidebar).to_contain_text("cancelled")
        assert lab.errors == []
        self._open_with_a_new_kernel(lab)

    @staticmethod
    def _open_with_a_new_kernel(lab: LabPage) -> None:
        """Panels that were live have left their pictures, and forms what stood in them."""
        lab.command("docmanager:save")
        shut_down_kernels(lab.server)
        lab.open("work.ipynb")
        for line in WORK:
            output = lab.output(lab.cell(line)).first
            if line.startswith("%lepton panel"):
                expect(output.locator("img")).to_be_visible()
            elif line.startswith("%lepton ui"):
                expect(output).to_contain_text("%lepton ui VERB opens one" if line == "%lepton ui" else "run this cell")
            expect(output.get_by_text(re.compile("Error displaying|Loading widget")).first).to_be_hidden()

    @staticmethod
    def _look(lab: LabPage, *selectors: str) -> None:
        for theme in THEMES:
            wear(lab, theme)
            assert [found for selector in selectors for found in findings(lab, selector)] == [], theme

    @staticmethod
    def _look_at_pictures(lab: LabPage, theme: str) -> None:
        """A live one, with what is said at the pointer, and the one that a panel left."""
        plot = lab.output(lab.cell("%lepton panel devices")).locator(".bk-Figure").first
        expect_readable(theme, plot)
        plot.hover()
        expect_readable(theme, lab.page.locator(".bk-Tooltip, .bk-tooltip").first)
        lab.page.mouse.move(0, 0)
        expect_readable(theme, lab.output(lab.cell("%lepton panel training")).locator("img"))


class TestKeyboard:
    """What one does by mouse, with `page.keyboard` and nothing else."""

    def test_from_the_palette_to_a_panel(self, lab: LabPage) -> None:
        sidebar, press = lab.sidebar, lab.page.keyboard.press
        lab.write("keys.ipynb", "1")
        lab.open("keys.ipynb")
        _by_palette(lab, "Show Lepton Lab")
        expect_focus(lab.page.locator(SIDEBAR))
        tab_to(lab, sidebar.get_by_role("button", name="Load Lepton Lab"))
        press("Enter")
        expect(sidebar.get_by_role("button", name="Start cluster")).to_be_visible()
        expect_focus(lab.page.locator(SIDEBAR))  # what had it is gone

        cluster = sidebar.locator("summary", has_text="Cluster")
        tab_to(lab, cluster)
        press("Space")
        expect(sidebar.get_by_label("Workers")).to_be_hidden()
        press("Enter")
        expect(sidebar.get_by_label("Workers")).to_be_visible()
        tab_to(lab, sidebar.get_by_label("Workers"))
        lab.page.keyboard.type("1")
        tab_to(lab, sidebar.get_by_label("Outlives the kernel"))
        tab_to(lab, sidebar.get_by_role("button", name="Start cluster"))
        press("Enter")
        expect(sidebar.get_by_role("progressbar", name="CPU of w0")).to_be_visible(timeout=60_000)
        expect_focus(cluster)

        more = sidebar.get_by_role("button", name="One worker more")
        tab_to(lab, more)
        press("Enter")
        load = sidebar.get_by_role("progressbar", name="CPU of w1")
        expect(load).to_have_attribute("aria-valuetext", re.compile("%$"), timeout=60_000)
        expect_focus(more)
        assert lab.sources()[1:3] == ["%lepton cluster up --workers 1", "%lepton cluster scale 2"]

        lab.append("import time; time.sleep(600)")  # beside which the logs come in a dialog
        lab.run_last()
        logs = sidebar.get_by_role("button", name="Logs of the cluster")
        lab.wait_for(f"{NOTEBOOK}.sessionContext.session.kernel.status === 'busy'")
        tab_to(lab, logs)
        press("Enter")
        expect(lab.page.locator(".lepton-Answer")).to_contain_text("scheduler")
        tab_to(lab, lab.page.locator(".lepton-Answer"))
        press("Escape")
        expect(lab.page.locator(".jp-Dialog")).to_have_count(0)
        expect_focus(logs)

        tab_to(lab, sidebar.get_by_role("button", name="Tasks"))
        press("Enter")
        expect(lab.page.locator(DOCK).locator(LIVE).first).to_be_visible()
        expect_focus(lab.page.locator(DOCK))
        tab_to(lab, lab.page.locator(".lepton-Status button"))
        press("Enter")
        expect_focus(lab.page.locator(SIDEBAR))
        tab_to(lab, sidebar.get_by_role("button", name="Stop cluster"))
        press("Enter")
        expect(sidebar.get_by_role("button", name="Start cluster")).to_be_visible(timeout=60_000)
        expect_focus(cluster)
        assert lab.errors == []

    def test_keys_in_a_form_are_its_own(self, lab: LabPage) -> None:
        press = lab.page.keyboard.press
        lab.write(
            "form.ipynb", "%load_ext lepton_lab", "%lepton data load digits", "%lepton data load digits --name wine"
        )
        lab.open("form.ipynb")
        lab.run_all()
        lab.wait_for_cells()
        _by_palette(lab, "Train…")
        expect(lab.sidebar).to_be_hidden()
        form = lab.page.locator(".lepton-form")
        data = form.get_by_label("data", exact=True)
        expect(data).to_be_visible()
        tab_to(lab, data)
        before = lab.sources()
        expect(data).to_have_value("wine")  # as it was loaded last
        for key in ("w", "b", "ArrowUp", "d", "d"):  # to JupyterLab: a new cell, the one above, delete it
            press(key)
        expect(data).to_have_value("digits")
        expect_focus(data)
        assert lab.sources() == before
        tab_to(lab, form.get_by_role("slider", name="validation"))
        press("ArrowRight")
        expect(form.locator(".lepton-line")).to_contain_text("--data digits --validation 0.01")
        tab_to(lab, form.get_by_role("button", name="More options"))
        press("Space")
        expect(form.get_by_label("keep", exact=True)).to_be_visible()
        press("Control+s")  # still JupyterLab's
        lab.wait_for(f"!{NOTEBOOK}.context.model.dirty")
        assert lab.errors == []


def _by_palette(lab: LabPage, command: str) -> None:
    """Run a command by JupyterLab's palette."""
    lab.page.keyboard.press("Control+Shift+C")
    palette = lab.page.locator(".lm-CommandPalette-input")
    expect(palette).to_be_focused()
    lab.page.keyboard.type(command)
    expect(lab.page.locator(".lm-CommandPalette-item.lm-mod-active")).to_contain_text(command)
    lab.page.keyboard.press("Enter")


def expect_focus(locator: Locator) -> None:
    """The element has the focus, and is seen to have it."""
    expect(locator).to_be_focused()
    assert locator.evaluate(OUTLINED), "the focus is not seen"


def tab_to(lab: LabPage, locator: Locator) -> None:
    """Press the Tab key until the element has the focus."""
    for _ in range(80):
        if locator.evaluate("element => element === document.activeElement"):
            return expect_focus(locator)
        lab.page.keyboard.press("Tab")
    where = lab.page.evaluate("document.activeElement.outerHTML.slice(0, 300)")
    pytest.fail(f"not to be reached by the Tab key, which ends at {where}")


def _choose_by_keyboard(lab: LabPage) -> None:
    """Of the compression panel: a model, and its line as a cell."""
    panel = lab.output(lab.cell("%lepton panel compression")).first
    line = "%lepton train cnn --data digits --epochs 2 --strategy single"
    panel.get_by_label("model").focus()
    lab.page.keyboard.type("cnn")
    expect_focus(panel.get_by_label("model"))
    expect(panel).to_contain_text(line)
    tab_to(lab, panel.get_by_role("button", name="Write as a cell"))
    lab.page.keyboard.press("Enter")
    lab.wait_for(f"{NOTEBOOK}.content.widgets.filter(c => c.model.sharedModel.source === '{line}').length === 2")
