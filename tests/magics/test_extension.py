"""Loading, unloading, and completion by IPython itself; in this process and in a real kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter

import lepton_lab
from lepton_lab.display import GONE
from lepton_lab.magics import _session

ROOT = Path(lepton_lab.__file__).parent.parent


def completions(ip: Any, text: str) -> list[str]:
    with provisionalcompleter():
        return [each.text for each in ip.Completer.completions(text, len(text))]


def test_ipython_offers_ours_alone(ip: Any, workspace: Path) -> None:
    assert completions(ip, "%lepton tr") == ["train"]
    assert completions(ip, "r = %lepton mod") == ["model"]
    assert completions(ip, "x = 1\n%lepton train m") == ["mlp"]
    assert completions(ip, "%%lepton model n") == ["new"]
    assert completions(ip, "%%lepton model new n\n%%lepton model n") != ["new"]
    assert "train" not in completions(ip, "tr")
    assert not workspace.exists()


def test_unload_leaves_nothing(ip: Any) -> None:
    before = len(ip.Completer.custom_matchers)
    lab = lepton_lab.current_lab()
    lepton_lab.unload_ipython_extension(ip)
    assert len(ip.Completer.custom_matchers) == before - 1
    assert ip.find_line_magic("lepton") is None and ip.find_cell_magic("lepton") is None
    assert _session.existing_lab() is None
    lepton_lab.load_ipython_extension(ip)
    lepton_lab.load_ipython_extension(ip)
    assert len(ip.Completer.custom_matchers) == before
    assert lepton_lab.current_lab() is not lab


def test_loading_is_light_and_makes_nothing(tmp_path: Path) -> None:
    code = (
        "import json, sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "InteractiveShell.instance().run_line_magic('load_ext', 'lepton_lab')\n"
        "from lepton_lab.magics._session import existing_lab\n"
        "print(json.dumps([existing_lab() is None, sorted(sys.modules)]))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=env)
    no_lab, modules = json.loads(done.stdout)
    assert no_lab and list(tmp_path.iterdir()) == []
    heavy = {"tensorflow", "bokeh", "dask", "distributed", "pandas", "ipywidgets", "sklearn", "numpy"}
    assert not heavy & set(modules)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a real kernel with the extension loaded."""
    from jupyter_client.manager import start_new_kernel

    folder = tmp_path_factory.mktemp("kernel")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LEPTON_WORKSPACE": str(folder / "workspace")}
    manager, client = start_new_kernel(cwd=str(folder), env=env)
    assert execute(client, "%load_ext lepton_lab")[0]["status"] == "ok"
    yield client
    client.stop_channels()
    manager.shutdown_kernel()


def execute(client: Any, code: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The reply to a cell, and the messages that it published."""
    messages: list[dict[str, Any]] = []
    reply = client.execute_interactive(code, output_hook=messages.append, timeout=60)
    return reply["content"], messages


class TestKernel:
    def test_a_value_has_html_and_text(self, kernel: Any) -> None:
        _, messages = execute(kernel, "%lepton data load digits")
        data = next(m["content"]["data"] for m in messages if m["msg_type"] == "execute_result")
        assert "<table" in data["text/html"] and data["text/plain"].strip().startswith("Data set digits")

    def test_a_bad_line_is_one_line(self, kernel: Any) -> None:
        reply, messages = execute(kernel, "%lepton data shwo digits")
        assert reply["status"] == "error"
        shown = [m["content"] for m in messages if m["msg_type"] in ("error", "stream")]
        line = "UnknownNameError: There is no verb 'data shwo'. Did you mean 'data show'? See %lepton help."
        assert [each["traceback"] for each in shown] == [[line]]

    def test_completion(self, kernel: Any) -> None:
        kernel.complete("%lepton data show di")
        content = kernel.get_shell_msg(timeout=30)["content"]
        assert content["matches"] == ["digits"] and content["cursor_start"] == len("%lepton data show ")

    def test_a_bar_is_seen_while_a_verb_works(self, kernel: Any) -> None:
        _, messages = execute(
            kernel,
            (
                "import time\n"
                "from lepton_lab.commands import find\n"
                "from lepton_lab.events import Progress\n"
                "from lepton_lab.magics._progress import Showing\n"
                "lab = __import__('lepton_lab').current_lab()\n"
                "with Showing(get_ipython(), lab.events, find(['cluster', 'up'])[0]):\n"
                "    time.sleep(0.4)\n"
                "    for i in range(20):\n"
                "        lab.events.publish(Progress('cluster up', f'step <{i}>', i / 20)); time.sleep(0.03)\n"
            ),
        )
        shown = [m["content"] for m in messages if m["msg_type"] in ("display_data", "update_display_data")]
        assert len({content["transient"]["display_id"] for content in shown}) == 1
        assert 3 <= len(shown) <= 10
        assert "cluster up" in shown[0]["data"]["text/plain"]
        assert "step &lt;" in shown[-2]["data"]["text/html"]
        assert shown[-1]["data"]["text/html"] == GONE
