"""JupyterLab below a path of its host, as JupyterHub and Binder have it: links, downloads, docked panels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import LIVE, LabPage, serve, shut_down_kernels

BASE = "/user/x/"
LINES = (
    "%load_ext lepton_lab",
    "%lepton cluster up --workers 1",
    "%lepton data load digits",
    "%lepton train cnn --data digits --epochs 1 --strategy single",
    "%lepton export cnn tflite --to cnn.tflite",
    "%lepton ui export",
)


@pytest.fixture
def below(browser: Browser, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabPage]:
    """A tab of a JupyterLab below `BASE`."""
    with serve("jupyterlab", tmp_path_factory, BASE) as server:
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        yield LabPage(server, context.new_page(), tmp_path.name)
        context.close()
        shut_down_kernels(server)


def test_all_links_go_below_the_base_url(below: LabPage) -> None:
    below.write("hub.ipynb", *LINES)
    below.open("hub.ipynb")
    sidebar = below.show_sidebar()
    below.run_all()
    below.wait_for_cells(120)

    link = sidebar.get_by_role("link", name="Dashboard")
    expect(link).to_have_attribute("href", re.compile(rf"^{below.server.url}/proxy/\d+/status$"))
    with below.page.expect_popup() as popup:
        link.click()
    expect(popup.value).to_have_title(re.compile("Dask"))
    expect(popup.value.locator(LIVE).first).to_be_visible()  # its plots come by its own web socket
    answer = below.page.request.get(popup.value.url)
    assert answer.status == 200 and "Dask" in answer.text()
    popup.value.close()

    with below.page.expect_download() as download:
        sidebar.get_by_role("link", name="Download cnn.tflite").click()
    assert download.value.path().read_bytes()[4:8] == b"TFL3"
    form = below.output(len(LINES) - 1)
    form.get_by_label("format", exact=True).select_option("tflite")
    form.get_by_role("button", name="Run").click()
    with below.page.expect_download() as download:
        form.get_by_role("link", name=re.compile(r"\.tflite$")).click(timeout=60_000)
    assert download.value.path().read_bytes()[4:8] == b"TFL3"

    sidebar.get_by_role("button", name="Show load").click()
    expect(below.page.locator(".lepton-Dock").locator(LIVE).first).to_be_visible()
    assert below.errors == []
