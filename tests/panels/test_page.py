"""The live picture: what is sent to the page, and what a notebook that was run keeps."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import bokeh
import nbformat
from bokeh.models import ColumnDataSource
from comm.base_comm import BaseComm
from nbclient import NotebookClient

from lepton_lab import panels
from lepton_lab.display import GONE
from lepton_lab.events import ClusterChanged, LineOffered, NamesChanged, WorkerLoad
from lepton_lab.panels._page import POINTS, WIDGET_VIEW, Page, bokeh_js
from lepton_lab.types import Measure
from tests.panels.conftest import Events, loads, model_of, shards_of


class RecordingComm(BaseComm):
    """A road to no page, which remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[object] = []
        super().__init__()

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        if msg_type == "comm_msg":
            self.sent.append(data)


def page_of(panel: panels.Panel) -> Page:
    """What the panel draws on from now on."""
    return Page(panel._choose, panel._write)


def drawn_on(page: Page, panel: panels.Panel) -> None:
    panel._page = page
    panel._draw()


def test_the_script_comes_before_the_plots(lab: Events) -> None:
    panel = panels.open(lab, "devices")
    page = page_of(panel)
    drawn_on(page, panel)
    script, view = page._output.outputs
    assert bokeh.__version__ in script["data"]["application/javascript"][:200]
    assert WIDGET_VIEW in view["data"]
    assert len(bokeh_js()) < 2_000_000


def test_rows_are_streamed_and_sent_anew_when_they_are_many(lab: Events) -> None:
    panel = panels.open(lab, "devices")
    page = page_of(panel)
    for i, event in enumerate(loads(1, 6000)):
        lab.events.publish(event)
        if i % 5 == 0:
            drawn_on(page, panel)
    assert len(page._sources["w0"].data["time"]) <= 2600
    assert page._streamed["w0"] <= 500
    lab.events.publish(WorkerLoad("w0", 7.5, 1, 0))
    drawn_on(page, panel)
    assert page._sources["w0"].data["cpu"][-1] == 7.5


def test_a_new_worker_gets_its_line(lab: Events) -> None:
    panel = panels.open(lab, "devices")
    page = page_of(panel)
    for event in loads(1, 5):
        lab.events.publish(event)
    drawn_on(page, panel)
    lab.events.publish(WorkerLoad("w1", 5.0, 1, 0))
    drawn_on(page, panel)
    assert set(page._sources) == {"w0", "w1"}
    assert len(page._figures[0].renderers) == 2
    assert page._figures[0].x_range is page._figures[3].x_range


def test_a_view_that_comes_is_sent_all(lab: Events) -> None:
    panel = panels.open(lab, "devices")
    page = page_of(panel)
    for event in loads(1, 5):
        lab.events.publish(event)
    drawn_on(page, panel)
    assert not page.lacks_all(panel._picture())
    assert page._plots is not None
    page._plots._sync_model(page._plots, {"kind": "MessageSent"}, [])
    assert page.lacks_all(panel._picture())
    assert not page.lacks_all(panel._picture())


def test_a_drawing_is_one_patch(lab: Events) -> None:
    panel = panels.open(lab, "devices")
    page = page_of(panel)
    for event in loads(8, 5):
        lab.events.publish(event)
    drawn_on(page, panel)
    assert page._plots is not None
    comm = page._plots.comm = RecordingComm()
    for event in loads(8, 1, start=2e9):
        lab.events.publish(event)
    drawn_on(page, panel)
    assert len(comm.sent) == 3  # header, metadata and content of one patch


def test_drawing_is_fast(lab: Events) -> None:
    panel = panels.open(lab, "devices")
    page = page_of(panel)
    for event in loads(16, 200):
        lab.events.publish(event)
    drawn_on(page, panel)
    began = time.perf_counter()
    for event in loads(16, 10, start=2e9):
        lab.events.publish(event)
        if event.worker == "w15":
            drawn_on(page, panel)
    assert (time.perf_counter() - began) / 10 < 0.4


NOTEBOOK = """
import threading, time
from lepton_lab import panels
from lepton_lab.events import Bus, ClusterChanged, WorkerLoad
class Lab: events = Bus()
panel = panels.open(Lab, "devices")
panel
---
for i in range(8):
    for worker in ("w0", "w1"):
        Lab.events.publish(WorkerLoad(worker, 50.0 + i, 10**9, 0))
    time.sleep(0.2)
threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("lepton")]
Lab.events.publish(ClusterChanged("demo", "down"))
print(threads, panel.is_live)
"""


def test_a_saved_notebook_keeps_a_small_static_picture(tmp_path: Path) -> None:
    cells = [nbformat.v4.new_code_cell(cell.strip()) for cell in NOTEBOOK.split("---")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.create_kernel_manager()
    client.km.kernel_cmd = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    client.execute()
    picture, live = notebook.cells[0].outputs
    assert set(picture.data) == {"text/html", "text/plain"}
    assert "data:image/svg+xml" in picture.data["text/html"] and "w1" in picture.data["text/plain"]
    assert "lepton-still" not in picture.data["text/html"]
    assert live.data == {"text/html": GONE, "text/plain": ""}
    assert notebook.cells[1].outputs[0].text == "['lepton-panel-devices'] False\n"
    nbformat.write(notebook, tmp_path / "saved.ipynb")
    assert (tmp_path / "saved.ipynb").stat().st_size < 200_000


def test_what_many_workers_send_is_bounded(lab: Events) -> None:
    panel = panels.open(lab, "devices")
    page = page_of(panel)
    for event in loads(16, 3000):
        lab.events.publish(event)
        if event.worker == "w15" and event.time % 20 == 0:
            drawn_on(page, panel)
    assert sum(len(source.data["time"]) for source in page._sources.values()) * 6 < 1.3 * POINTS


def test_bars_are_drawn_anew_when_they_change(lab: Events) -> None:
    lab.data.found = [shards_of("digits", [("w0",)])]
    panel = panels.open(lab, "shards")
    page = page_of(panel)
    drawn_on(page, panel)
    first = page._figures
    drawn_on(page, panel)
    assert page._figures is first
    lab.data.found = [shards_of("digits", [("w0",), ("w1",)])]
    lab.events.publish(NamesChanged("shard set", "digits"))
    drawn_on(page, panel)
    assert list(page._figures[0].y_range.factors) == ["w1", "w0"]


def chosen_in(source: ColumnDataSource) -> list[str]:
    return [source.data["name"][i] for i in source.selected.indices]


def test_a_click_on_a_dot_chooses_it_in_every_plot(lab: Events, tmp_path: Path) -> None:
    names = ("cnn", "mlp")
    lab.model.found = {name: model_of(name, tmp_path / name) for name in names}
    lab.model.measured = {name: (Measure(0.9, 1000 * (i + 1), 500, 1e-5),) for i, name in enumerate(names)}
    panel = panels.open(lab, "compression")
    page = page_of(panel)
    drawn_on(page, panel)
    plots = page._plots
    assert plots is not None
    selection, place = {"id": page._dots[0].selected.id}, list(page._dots[0].data["name"]).index("mlp")
    plots._sync_model(plots, {"kind": "ModelChanged", "attr": "indices", "model": selection, "new": [place]}, [])
    drawn_on(page, panel)
    assert [chosen_in(source) for source in page._dots] == [["mlp"]] * 3
    _, offer, _ = page._body.children
    choice, line, button = offer.children
    assert choice.value == "mlp" and "%lepton train cnn" in line.value and offer.layout.display == "flex"
    button.click()
    assert [event.line for event in lab.events.recent(LineOffered)] == ["%lepton train cnn --data digits"]
    choice.value = "cnn"  # by keyboard
    drawn_on(page, panel)
    assert [chosen_in(source) for source in page._dots] == [["cnn"]] * 3


def test_the_static_picture_is_hidden_while_the_live_one_is_there(lab: Events) -> None:
    panel = panels.open(lab, "devices")
    page = page_of(panel)
    drawn_on(page, panel)
    hidden = page.hidden(panel._repr_mimebundle_())
    assert f"class='lepton-still-{page._output.model_id}'" in hidden["text/html"]
    assert f":has(.lepton-still-{page._output.model_id}) {{display: none}}" in page._head._words.value


def test_close_leaves_the_picture_in_the_widget_too(lab: Events) -> None:
    panel = panels.open(lab, "devices")
    page = page_of(panel)
    drawn_on(page, panel)
    page.close(panel._repr_mimebundle_())
    [output] = page._output.outputs
    assert "data:image/svg+xml" in output["data"]["text/html"]
    lab.events.publish(ClusterChanged("demo", "running"))


WHILE_PANDAS_COMES = """
import sys
import threading
assert "pandas" not in sys.modules
thread = threading.Thread(target=__import__, args=("pandas",))
thread.start()
from lepton_lab import panels
from lepton_lab.events import Bus, WorkerLoad
from lepton_lab.panels._page import Page
class Lab: events = Bus()
panel = panels.open(Lab, "devices")
page = Page(panel._choose, panel._write)
for _ in range(3):
    Lab.events.publish(WorkerLoad("w0", 50.0, 10**9, 0))
    picture = panel._picture()
    page.update(picture, panel._changes(page, picture))
thread.join()
"""


def test_draws_while_another_thread_imports_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", WHILE_PANDAS_COMES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
