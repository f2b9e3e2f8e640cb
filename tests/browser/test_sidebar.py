"""The sidebar of the JupyterLab extension."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import LabPage


def test_extension_is_active_without_console_errors(jupyter: LabPage) -> None:
    jupyter.open()
    assert jupyter.page.evaluate("jupyterapp.version") == version("jupyterlab")
    plugins = "settings labs commands sidebar buttons restore panels layout status completion hover offered warnings"
    for plugin in plugins.split():
        assert jupyter.page.evaluate(f"jupyterapp.isPluginActivated('lepton-lab:{plugin}')")
    assert jupyter.errors == []


def test_says_that_no_notebook_is_open(jupyter: LabPage) -> None:
    jupyter.open()
    expect(jupyter.show_sidebar()).to_contain_text("Open a notebook")


def test_load_button_writes_the_line_first_and_runs_it(jupyter: LabPage) -> None:
    jupyter.write("load.ipynb", "a = 1")
    jupyter.open("load.ipynb")
    sidebar = jupyter.show_sidebar()
    sidebar.get_by_role("button", name="Load Lepton Lab").click()
    expect(sidebar.get_by_role("button", name="Start cluster")).to_be_visible()
    assert jupyter.sources() == ["%load_ext lepton_lab", "a = 1"]
    assert jupyter.errors == []


def test_start_cluster_writes_the_line_and_runs_it(jupyter: LabPage) -> None:
    jupyter.write("start.ipynb", "%load_ext lepton_lab")
    jupyter.open("start.ipynb")
    jupyter.run_all()
    sidebar = jupyter.show_sidebar()
    sidebar.get_by_role("button", name="Start cluster").click()
    expect(sidebar.get_by_role("progressbar", name="CPU of w0")).to_be_visible(timeout=60_000)
    assert jupyter.sources()[-1] == "%lepton cluster up"
    expect(sidebar.get_by_role("progressbar", name="CPU of w0")).to_have_attribute(
        "aria-valuetext", re.compile(r"^\d+ %$")
    )


def test_sees_a_kernel_that_loads_by_itself_and_forgets_on_restart(jupyter: LabPage) -> None:
    jupyter.write("restart.ipynb", "%load_ext lepton_lab")
    jupyter.open("restart.ipynb")
    sidebar = jupyter.show_sidebar()
    expect(sidebar.get_by_role("button", name="Load Lepton Lab")).to_be_visible()
    jupyter.run_all()
    expect(sidebar.get_by_role("button", name="Start cluster")).to_be_visible()
    jupyter.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart().then(() => null)")
    expect(sidebar.get_by_role("button", name="Load Lepton Lab")).to_be_visible(timeout=30_000)
    jupyter.run_all()
    expect(sidebar.get_by_role("button", name="Start cluster")).to_be_visible()
    assert jupyter.errors == []


def test_connects_again_after_a_page_reload(jupyter: LabPage) -> None:
    jupyter.write("reload.ipynb", "%load_ext lepton_lab")
    jupyter.open("reload.ipynb")
    jupyter.run_all()
    expect(jupyter.show_sidebar().get_by_role("button", name="Start cluster")).to_be_visible()
    jupyter.open("reload.ipynb")
    expect(jupyter.show_sidebar().get_by_role("button", name="Start cluster")).to_be_visible()
    jupyter.append(
        "from lepton_lab.widgets._bridge import _registered\n[len(b._listeners) for b, _ in _registered.values()]"
    )
    jupyter.run_last()
    expect(jupyter.output(1)).to_contain_text("[1]")  # the page that went is not pushed to any more


def test_a_section_folded_and_opened_at_once_stays_open(jupyter: LabPage) -> None:
    jupyter.write("fold.ipynb", "%load_ext lepton_lab")
    jupyter.open("fold.ipynb")
    jupyter.run_all()
    sidebar = jupyter.show_sidebar()
    title, field = sidebar.locator("summary", has_text="Cluster"), sidebar.get_by_label("Workers")
    expect(field).to_be_visible()
    title.evaluate(
        """async title => {
          const toggled = () => new Promise(done => title.parentElement.addEventListener('toggle', done));
          title.parentElement.addEventListener('toggle', () => title.click(), { once: true });
          title.click();
          await toggled();
          await toggled();
          await new Promise(done => setTimeout(done, 200));
        }"""
    )
    expect(field).to_be_visible()
    title.click()
    expect(field).to_be_hidden()
    jupyter.open("fold.ipynb")  # the browser remembers it
    jupyter.run_all()
    expect(jupyter.show_sidebar().locator("summary", has_text="Data sets")).to_be_visible()
    expect(field).to_be_hidden()


def test_follows_the_active_notebook(jupyter: LabPage) -> None:
    jupyter.write("one.ipynb", "%load_ext lepton_lab")
    jupyter.write("two.ipynb", "b = 2")
    jupyter.open("one.ipynb")
    jupyter.run_all()
    sidebar = jupyter.show_sidebar()
    expect(sidebar.get_by_role("button", name="Start cluster")).to_be_visible()
    jupyter.switch_to("two.ipynb")
    expect(sidebar).to_contain_text("two.ipynb")
    expect(sidebar.get_by_role("button", name="Load Lepton Lab")).to_be_visible()
    jupyter.switch_to("one.ipynb")
    expect(sidebar.get_by_role("button", name="Start cluster")).to_be_visible()


def test_a_lost_worker_is_shown_and_told_of(jupyter: LabPage) -> None:
    jupyter.write(
        "lost.ipynb",
        "%load_ext lepton_lab\n%lepton cluster up --workers 2 --threads 1",
        "import os, signal, psutil\nfrom lepton_lab import current_lab\nclient = current_lab().cluster.handle.client\n"
        "pids = {name: pid for name, pid in client.run(lambda dask_worker: (dask_worker.name, os.getpid())).values()}",
        "os.kill(pids['w1'], signal.SIGKILL)",
        "nanny = psutil.Process(pids['w0']).parent()\nnanny.suspend()\nos.kill(pids['w0'], signal.SIGKILL)",
        "nanny.resume()",
    )
    jupyter.open("lost.ipynb")
    sidebar = jupyter.show_sidebar()
    row = sidebar.locator(".lepton-Sidebar-item")
    for index in range(3):
        jupyter.start(index)
        jupyter.wait_for_cell(index)
    died = row.filter(has=jupyter.page.locator("b", has_text="w1")).first
    expect(died).to_have_attribute("title", "died once: it was killed by SIGKILL")
    expect(died.get_by_role("progressbar", name="CPU of w1")).to_be_visible()
    told = jupyter.page.locator(".Toastify__toast", has_text="w1 was lost")
    expect(told).to_have_count(1)
    jupyter.start(3)
    lost = row.filter(has=jupyter.page.locator("b", has_text="w0")).first
    expect(lost.locator(".lepton-Sidebar-state-lost")).to_have_text("lost")
    expect(lost).to_have_attribute("title", "it can't be reached")
    expect(jupyter.page.locator(".lepton-Status")).to_contain_text("1 worker, 1 lost")
    jupyter.picture("lost")
    jupyter.start(4)
    expect(lost.get_by_role("progressbar", name="CPU of w0")).to_be_visible()
    expect(lost).to_have_attribute("title", "died once: it was killed by SIGKILL")
    expect(sidebar.locator(".lepton-Sidebar-detail", has_text="CPU of w0")).to_be_visible()
    assert jupyter.errors == []
