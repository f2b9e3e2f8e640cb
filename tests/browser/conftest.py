"""A real JupyterLab and a real browser, so that what is tested is what a person sees."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NOTEBOOK = "jupyterapp.shell.currentWidget"
LIVE = ".bk-Canvas, .bk-Figure"
"""Bokeh's plots."""
HEAR_LOG = """(context => {
  if (!context.isHeard) {
    context.isHeard = true;
    context.unhandledMessage.connect((_, { header, content }) => {
      if (header.msg_type === 'stream') {
        console.error(`JupyterLab's log: ${content.text}`);
      }
    });
  }
})"""
"""What a kernel says outside of cells: JupyterLab writes it into its log console, and so the browser's has it, too."""
expect.set_options(timeout=20_000)  # a slow machine takes its time; nothing waits longer than it must


@dataclass(frozen=True)
class Server:
    """A running JupyterLab, or what is like it."""

    url: str
    token: str
    root: Path
    """The folder that it shows."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A JupyterLab of its own."""
    with serve("jupyterlab", tmp_path_factory) as server:
        yield server


@contextmanager
def serve(application: str, tmp_path_factory: pytest.TempPathFactory, base_url: str = "/") -> Iterator[Server]:
    """JupyterLab, or what is like it, with a port, token, folders and settings that are nobody else's."""
    home, root = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("root")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = "for-tests"
    url = f"http://127.0.0.1:{port}{base_url.rstrip('/')}"
    folders = {
        name: str(home / name)
        for name in (
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
            "JUPYTERLAB_SETTINGS_DIR",
            "JUPYTERLAB_WORKSPACES_DIR",
            "IPYTHONDIR",
        )
    }
    settings = home / "JUPYTERLAB_SETTINGS_DIR" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')  # asks nobody about it
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    options = [
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.base_url={base_url}",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={root}",
        "--expose-app-in-browser",
    ]
    log_file = home / "server.log"
    with log_file.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", application, *options],
            env={**os.environ, **folders, "PATH": path},
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for_server(f"{url}/api?token={token}", process, log_file)
        yield Server(url, token, root)
    finally:
        process.terminate()
        process.wait(30)


def _wait_for_server(url: str, process: subprocess.Popen[bytes], log_file: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"The server did not start:\n{log_file.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    path = os.environ.get("LEPTON_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None or not Path(path).exists():
        pytest.fail(
            f"The browser tests need Chromium, and there is none (looked for {', '.join(BROWSERS)}). "
            "Install it (Debian, Ubuntu: apt-get install chromium) or name another one's path in LEPTON_CHROMIUM."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class LabPage:
    """JupyterLab in a browser's tab, and what a person does there."""

    server: Server
    page: Page
    folder: str
    """Of the test's notebooks, and thus of its lab's workspace, in the server's folder."""
    errors: list[str] = field(default_factory=list)
    """What the browser's console showed as errors."""

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def write(self, name: str, *sources: str) -> Path:
        """A notebook in the test's folder with these code cells."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = self.server.root / self.folder / name
        path.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, path)
        return path

    def open(self, name: str = "", kernel: bool = True) -> None:
        """Open a notebook of the test's folder, or the launcher, in a fresh JupyterLab."""
        where = f"/lab/tree/{self.folder}/{name}" if name else "/lab"
        self.page.goto(f"{self.server.url}{where}?token={self.server.token}&reset")
        self.page.wait_for_selector(".jp-Notebook" if name else ".jp-Launcher", timeout=60_000)
        if name and kernel:
            self._wait_for_kernel()

    def switch_to(self, name: str) -> None:
        """Open another notebook of the test's folder, or show it again, in the same page."""
        self.command("docmanager:open", path=f"{self.folder}/{name}")
        self.wait_for(f"jupyterapp.shell.currentWidget?.context?.path === '{self.folder}/{name}'")
        self._wait_for_kernel()

    def _wait_for_kernel(self) -> None:
        self.wait_for(f"{NOTEBOOK}?.sessionContext?.session?.kernel?.status === 'idle'", 60)
        self.page.evaluate(f"{HEAR_LOG}({NOTEBOOK}.sessionContext)")

    def wait_for(self, expression: str, seconds: float = 30) -> None:
        """Wait until the JavaScript expression is true."""
        self.page.wait_for_function(expression, timeout=1000 * seconds)

    def command(self, name: str, **args: Any) -> None:
        """Run a JupyterLab command, as its palette does, and wait for its end."""
        self.page.evaluate("([name, args]) => jupyterapp.commands.execute(name, args).then(() => null)", [name, args])

    def menu(self, menu: str, item: str) -> None:
        """Choose from the menus at the top."""
        self.page.click(f'.lm-MenuBar-itemLabel:text-is("{menu}")')
        self.page.click(f'.lm-Menu-itemLabel:text-is("{item}")')

    def run_all(self) -> None:
        """Start all cells of the notebook, by the menu."""
        self.menu("Run", "Run All Cells")

    def picture(self, name: str) -> None:
        """Keep a picture of the page, for a person to look at, if `LEPTON_PICTURES` names a folder for it."""
        if folder := os.environ.get("LEPTON_PICTURES"):
            self.page.screenshot(path=f"{folder}/{name}.png")

    def wait_for_cells(self, seconds: float = 60) -> None:
        """Wait until every code cell with a source has run."""
        cells = f"{NOTEBOOK}.content.widgets.filter(c => c.model.type === 'code' && c.model.sharedModel.source.trim())"
        self.wait_for(f"{cells}.every(c => c.model.executionCount && c.model.executionState !== 'running')", seconds)

    def sources(self) -> list[str]:
        """The sources of the notebook's cells."""
        cells: list[str] = self.page.evaluate(f"{NOTEBOOK}.content.widgets.map(c => c.model.sharedModel.source)")
        return cells

    def append(self, source: str) -> None:
        """Put a code cell at the notebook's end."""
        cell = json.dumps({"cell_type": "code", "source": source})
        self.page.evaluate(f"{NOTEBOOK}.content.model.sharedModel.addCell({cell}) && null")

    def run_last(self) -> None:
        """Start the notebook's last cell, and don't wait for its end."""
        self.start(len(self.sources()) - 1)

    def start(self, index: int) -> None:
        """Start the cell of this number, and don't wait for its end."""
        self.page.evaluate(
            f"""() => {{
              {NOTEBOOK}.content.activeCellIndex = {index};
              jupyterapp.commands.execute('notebook:run-cell');
            }}"""
        )

    def cell(self, source: str) -> int:
        """The number of the first cell whose source begins so."""
        return next(index for index, text in enumerate(self.sources()) if text.startswith(source))

    def output(self, index: int) -> Locator:
        """What the cell of this number shows, scrolled to: JupyterLab draws only what is near the screen."""
        self.page.evaluate(f"{NOTEBOOK}.content.scrollToItem({index}, 'start').then(() => null)")
        return self.page.locator(f'.jp-Cell[data-windowed-list-index="{index}"] .jp-OutputArea')

    def wait_for_cell(self, index: int, seconds: float = 60) -> None:
        """Wait until this cell has run, and fail at once if it raised."""
        cell = f"{NOTEBOOK}.content.widgets[{index}].model"
        self.wait_for(f"{cell}.executionCount && {cell}.executionState !== 'running'", seconds)
        raised = self.page.evaluate(f"{cell}.outputs.toJSON().filter(o => o.output_type === 'error')")
        assert raised == []

    def show_sidebar(self) -> Locator:
        """Open the sidebar by its icon."""
        sidebar = self.sidebar
        if not sidebar.is_visible():
            self.page.click('.jp-SideBar [data-id="lepton-lab-sidebar"]')
        sidebar.wait_for(state="visible")
        return sidebar

    @property
    def sidebar(self) -> Locator:
        """The sidebar."""
        return self.page.locator("#lepton-lab-sidebar")


@pytest.fixture
def jupyter(server: Server, browser: Browser, tmp_path: Path) -> Iterator[LabPage]:
    """A fresh tab; the kernels that a test started end with it."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    yield LabPage(server, context.new_page(), tmp_path.name)
    context.close()
    shut_down_kernels(server)


def shut_down_kernels(server: Server) -> None:
    """End all kernels of a server."""
    headers = {"Authorization": f"token {server.token}"}
    with urllib.request.urlopen(urllib.request.Request(f"{server.url}/api/sessions", headers=headers)) as answer:
        sessions = json.load(answer)
    for session in sessions:
        address = f"{server.url}/api/sessions/{session['id']}"
        urllib.request.urlopen(urllib.request.Request(address, headers=headers, method="DELETE")).close()
