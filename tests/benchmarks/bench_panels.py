"""What live panels cost: the browser's memory and the time of a redraw over four hours, and a training's throughput.

The devices and training panels stand in a real JupyterLab in headless Chromium. A cell tells them what sixteen workers
would tell in four hours, five times a second, in a few minutes; then it goes on at the true pace. A redraw is what the
page does for one drawing: applying the patch and painting the frame that follows.

Training is compared in turns, with both panels live in the kernel and without; nobody looks at them, because a browser
on the same cores would be measured instead.

python tests/benchmarks/bench_panels.py
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import CDPSession, Page, sync_playwright

from lepton_lab import panels
from tests.benchmarks.training import free_port, lab_with, own_temporary_folder, pictures, ratio, table

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--enable-precise-memory-info")
HOURS = 4
WARM_UP = 4
NOTEBOOK = "jupyterapp.shell.currentWidget"
FEED = """
import time
from lepton_lab import panels
from lepton_lab.events import AcceleratorLoad, Bus, ClusterChanged, EpochEnded, RunChanged, RunProgress, WorkerLoad
import math, random

class Lab:
    events = Bus()

WORKERS, RATE = [f"w{i}" for i in range(16)], 5
chance = random.Random(0)

def tell(moment, step):
    for i, worker in enumerate(WORKERS):
        gpu = AcceleratorLoad("gpu", "GPU", 100 * chance.random(), 10**10, 10**11, 300 + 100 * chance.random())
        cpu = 100 + 90 * math.sin(moment / 60 + i) + 10 * chance.random()
        Lab.events.publish(WorkerLoad(worker, cpu, 10**9 + i, 0, 1e6 * chance.random(), 1e6, (gpu,), time=moment))
    rates = {worker: 1000 + 100 * chance.random() for worker in WORKERS}
    Lab.events.publish(
        RunProgress(
            "run", step // 7200 + 1, 10, step % 7200, 7200, 1 / (1 + step / 9000), {"accuracy": 0.9}, rates, None,
            {worker: 10**9 for worker in WORKERS}, time=moment,
        )
    )
    if step % 7200 == 7199:
        Lab.events.publish(EpochEnded("run", step // 7200 + 1, {"loss": 0.1, "val_loss": 0.2}, time=moment))

Lab.events.publish(ClusterChanged("bench", "running", 16))
Lab.events.publish(RunChanged("run", "running"))
start = time.time() - HOURS * 3600
tell(start, 0)
---
devices = panels.open(Lab, "devices")
devices
---
training = panels.open(Lab, "training")
training
---
def lapse(first, last):
    "The hours from `first` to `last`, a minute at a time and each in a third of a second at least."
    for step in range(int(first * 3600 * RATE), int(last * 3600 * RATE)):
        tell(start + step / RATE, step)
        if step % (60 * RATE) == 0:
            time.sleep(0.3)

def live(seconds):
    for step in range(int(seconds * RATE)):
        tell(time.time(), HOURS * 3600 * RATE + step)
        time.sleep(1 / RATE)
"""
MEASURE = """
(() => {
  const redraws = (window.redraws = []);
  const document_ = window.Bokeh.require('document').Document.prototype;
  const apply = document_.apply_json_patch;
  document_.apply_json_patch = function (...args) {
    const began = performance.now();
    const result = apply.apply(this, args);
    redraws.push({ apply: performance.now() - began, paint: 0 });
    return result;
  };
  const request = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = callback =>
    request(now => {
      const began = performance.now();
      callback(now);
      if (redraws.length) redraws[redraws.length - 1].paint += performance.now() - began;
    });
})()
"""


@contextmanager
def jupyterlab(root: Path) -> Iterator[str]:
    """A JupyterLab of its own that shows `root`; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ServerApp.port_retries=0"]
    command += ["--IdentityProvider.token=bench", f"--ServerApp.root_dir={root}", "--expose-app-in-browser"]
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    environment = {**os.environ, **{name: tempfile.mkdtemp() for name in folders}}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (root / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token=bench").close()
                break
            except OSError:
                time.sleep(0.25)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def opened(root: Path, cells: list[str]) -> Iterator[Page]:
    """A notebook with these cells, all run, in a browser's tab."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, root / "bench.ipynb")
    chromium = os.environ.get("LEPTON_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with jupyterlab(root) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1500, "height": 2400})
        page.goto(f"{address}/lab/tree/bench.ipynb?token=bench&reset")
        page.wait_for_selector(".jp-Notebook", timeout=90_000)
        page.wait_for_function(f"{NOTEBOOK}?.sessionContext?.session?.kernel?.status === 'idle'", timeout=90_000)
        page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)")
        page.wait_for_selector(".bk-Figure", timeout=90_000)
        yield page
        browser.close()


def run_in(page: Page, code: str, seconds: float) -> None:
    """Run code in the notebook's kernel, outside of its cells, and wait for the end."""
    page.set_default_timeout(1000 * seconds)
    kernel = f"{NOTEBOOK}.sessionContext.session.kernel"
    ask = f"code => {kernel}.requestExecute({{code, silent: true}}).done.then(reply => reply.content)"
    reply = page.evaluate(ask, code)
    assert reply["status"] == "ok", reply


def heap(session: CDPSession) -> float:
    """Megabytes of JavaScript that are in use after a collection."""
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def redraws(page: Page) -> list[float]:
    """Milliseconds of each redraw since this was last asked."""
    found: list[dict[str, float]] = page.evaluate("window.redraws.splice(0)")
    return [one["apply"] + one["paint"] for one in found if one["paint"]]


def browser_table(hours: int, seconds: float) -> None:
    """Four hours in the browser."""
    root = Path(tempfile.mkdtemp())
    rows = []

    def add(when: str) -> None:
        times = sorted(redraws(page))
        figures = [statistics.median(times), times[int(0.95 * len(times))], times[-1]] if times else []
        shown = [f"{figure:.0f}" for figure in figures] or ["-"] * 3
        rows.append([when, f"{heap(session):.0f}", len(times), *shown])

    with opened(root, FEED.replace("HOURS", str(HOURS)).split("---")) as page:
        page.evaluate(MEASURE)
        session = page.context.new_cdp_session(page)
        page.wait_for_timeout(3000)
        add("before")
        for hour in range(hours):
            run_in(page, f"lapse({hour}, {hour + 1})", 600)
            add(f"after {hour + 1} h")
        run_in(page, f"live({seconds})", 600)
        add("then live")
    print(f"16 workers at 5 Hz, devices and training panels, {hours} h in a lapse, then {seconds:.0f} s live\n")
    head = [
        "",
        "JavaScript heap, MB",
        "redraws",
        "median, ms (target: under 100)",
        "95th percentile, ms",
        "longest, ms",
    ]
    table(head, rows)


def training_table(turns: int, rows: int, epochs: int) -> None:
    """A training with and without panels, after its first `WARM_UP` epochs, in which the panels are built."""
    x, y, source = pictures(rows)
    rates: dict[bool, list[float]] = {False: [], True: []}
    shares: dict[bool, list[float]] = {False: [], True: []}
    with lab_with(x, y) as lab:
        lab.model.new("cnn", kind="cnn", data="rows")
        for turn in range(turns + 1):  # the first one warms up
            for is_open in (False, True) if turn % 2 else (True, False):
                shown: list[Any] = [panels.open(lab, name) for name in ("devices", "training")] if is_open else []
                for panel in shown:
                    panel.dock()
                run = lab.train("cnn", "rows", strategy="single", epochs=epochs, batch_size=64, background=True)
                while len(lab.run.show(run.id).history.get("seconds", ())) < WARM_UP:
                    time.sleep(0.2)
                began, worked = time.monotonic(), time.process_time()
                run = lab.run.wait(run.id)
                shares[is_open].append((time.process_time() - worked) / (time.monotonic() - began))
                for panel in shown:
                    panel.close()
                rates[is_open].append(rows / statistics.median(run.history["seconds"][WARM_UP:]))
    without, with_panels = rates[False][1:], rates[True][1:]
    idle, busy = (100 * statistics.median(shares[is_open][1:]) / (os.cpu_count() or 1) for is_open in (False, True))
    print(f"\n{source}, {rows:,} rows, `cnn`, one process with two threads; median of {turns}\n")
    table(
        ["", "examples/s", "range", "notebook's process, % of all cores"],
        [
            ["without panels", f"{statistics.median(without):,.0f}", span(without), f"{idle:.2f}"],
            [
                "devices and training panels live",
                f"{statistics.median(with_panels):,.0f}",
                span(with_panels),
                f"{busy:.2f}",
            ],
            [
                "cost (target: under 1 %)",
                f"{100 * (1 - ratio(with_panels, without)):+.1f} %",
                "",
                f"{busy - idle:+.2f}",
            ],
        ],
    )


def span(rates: list[float]) -> str:
    """The least and the greatest."""
    return f"{min(rates):,.0f} to {max(rates):,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--hours", type=int, default=HOURS)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--only", choices=("browser", "training"))
    options = parser.parse_args()
    own_temporary_folder()
    if options.only != "training":
        browser_table(options.hours, options.seconds)
    if options.only != "browser":
        training_table(options.turns, 6_400, 16)


if __name__ == "__main__":
    main()
