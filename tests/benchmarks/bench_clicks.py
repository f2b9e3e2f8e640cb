"""From a click in the sidebar, while a cell computes, to the moment at which the kernel begins what was asked for.

A real JupyterLab in headless Chromium, with a live panel beside. The cell never waits: it holds Python's lock as long
as it may. The page notes when it was clicked, the kernel when it calls the lab; both read the machine's clock. What the
work takes by itself is not counted, but for the logs: from the click to the dialog that shows them.

python tests/benchmarks/bench_clicks.py
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Locator, Page

from tests.benchmarks.bench_panels import NOTEBOOK, opened
from tests.benchmarks.training import own_temporary_folder, table

TARGET = 300
"""Milliseconds."""
NOTES = "began.txt"
NOTE = f"""
import time
from lepton_lab.lab._cluster import ClusterNoun
from lepton_lab.lab._runs import RunNoun

def noting(call):
    def noted(*arguments, **options):
        with open("{NOTES}", "a") as file:
            print(time.time(), file=file)
        return call(*arguments, **options)
    return noted

RunNoun.stop, RunNoun.resume = noting(RunNoun.stop), noting(RunNoun.resume)
ClusterNoun.scale = noting(ClusterNoun.scale)
"""
CELLS = [
    "%load_ext lepton_lab",
    "%lepton cluster up --workers 2",
    "%lepton data load digits",
    "%lepton panel devices",
    NOTE,
    "%lepton train cnn --data digits --epochs 1000000 --strategy single --background",
]
COMPUTE = f"""
() => {{
  const notebook = {NOTEBOOK}.content;
  notebook.model.sharedModel.addCell({{ cell_type: 'code', source: 'while True: sum(range(1000))' }});
  notebook.activeCellIndex = notebook.widgets.length - 1;
  jupyterapp.commands.execute('notebook:run-cell');
}}
"""
BUSY = f"{NOTEBOOK}.content.widgets.at(-1).model.executionState === 'running'"
CLICKED = "addEventListener('click', () => (window.clicked = Date.now() / 1000), true)"
PATIENCE = 60_000


class Clicks:
    """The sidebar of a page whose kernel computes, and the seconds that were measured, by what was clicked."""

    def __init__(self, page: Page, notes: Path) -> None:
        self._page, self._notes = page, notes
        self.sidebar = page.locator("#lepton-lab-sidebar")
        self.seconds: dict[str, list[float]] = {}
        page.evaluate(CLICKED)

    def button(self, label: str) -> Locator:
        return self.sidebar.get_by_role("button", name=label, exact=True)

    def kernel(self, what: str, label: str) -> None:
        """Click, and wait until the kernel has noted that it began."""
        before = self._noted()
        self._click(label)
        deadline = time.monotonic() + PATIENCE / 1000
        while len(after := self._noted()) == len(before):
            assert time.monotonic() < deadline, f"the kernel did not begin: {label}"
            time.sleep(0.01)
        self._keep(what, after[-1])

    def dialog(self, what: str, label: str) -> None:
        """Click, and wait for the dialog."""
        self._click(label)
        dialog = self._page.get_by_role("dialog")
        dialog.wait_for()
        self._keep(what, self._page.evaluate("Date.now() / 1000"))
        dialog.get_by_role("button", name="Close").click()

    def _click(self, label: str) -> None:
        button = self.button(label)
        button.and_(self._page.locator(":not([aria-disabled=true])")).wait_for(timeout=PATIENCE)
        assert self._page.evaluate(BUSY), "the cell that computes has ended"
        button.click()

    def _keep(self, what: str, moment: float) -> None:
        self.seconds.setdefault(what, []).append(moment - self._page.evaluate("window.clicked"))

    def _noted(self) -> list[float]:
        return [float(line) for line in self._notes.read_text().split()] if self._notes.exists() else []


def measure(turns: int) -> dict[str, list[float]]:
    """Each button several times, in turns."""
    root = Path(tempfile.mkdtemp())
    with opened(root, CELLS) as page:
        page.click('.jp-SideBar [data-id="lepton-lab-sidebar"]')
        page.evaluate(COMPUTE)
        page.wait_for_function(BUSY, timeout=PATIENCE)
        clicks = Clicks(page, root / NOTES)
        for _ in range(turns):
            clicks.dialog("Logs: the dialog shows them", "Logs of the cluster")
            clicks.kernel("Stop of a run: the lab is asked", "Stop cnn-1")
            clicks.kernel("Resume: the lab is asked", "Resume cnn-1")
            clicks.button("Stop cnn-1").wait_for(timeout=PATIENCE)
        clicks.kernel("Stop of a run: the lab is asked", "Stop cnn-1")
        clicks.button("Resume cnn-1").wait_for(timeout=PATIENCE)
        for label in ("One worker less", "One worker more") * ((turns + 1) // 2):
            clicks.kernel("+ and - of the workers: the lab is asked", label)
            workers = 1 if label.endswith("less") else 2
            page.wait_for_function(
                f"document.querySelectorAll('#lepton-lab-sidebar [aria-label^=\"CPU of\"]').length === {workers}",
                timeout=PATIENCE,
            )
    return clicks.seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    own_temporary_folder()
    print("From a click to its effect while a cell computes without a pause\n")
    rows = [
        [what, len(seconds), f"{1000 * statistics.median(seconds):.0f}", f"{1000 * max(seconds):.0f}"]
        for what, seconds in measure(options.turns).items()
    ]
    table(["", "clicks", f"median, ms (target: under {TARGET})", "longest, ms"], rows)


if __name__ == "__main__":
    main()
