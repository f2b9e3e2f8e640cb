"""A real kernel answers the page while a cell runs: on the control channel, whatever its version."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import lepton_lab
from lepton_lab.widgets._control import listen

ROOT = Path(lepton_lab.__file__).parent.parent
ANSWERED = 0.3
"""Seconds within which a person sees no delay."""


class Page:
    """The page's half of the talk, on the control channel."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.comm = uuid.uuid4().hex
        self._send("comm_open", target_name="lepton_lab.requests", data={})

    def _send(self, kind: str, **content: Any) -> None:
        message = self._client.session.msg(kind, {"comm_id": self.comm, **content})
        self._client.control_channel.send(message)

    def close(self) -> None:
        self._send("comm_close", data={})

    def ask(self, method: str, **params: Any) -> str:
        """Send a request; returns its id."""
        id = uuid.uuid4().hex
        self._send("comm_msg", data={"id": id, "method": method, "params": params})
        return id

    def hear(self, id: str | None, timeout: float = 5.0) -> dict[str, Any] | None:
        """The answer to a request; or for None whether the comm was closed."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self._client.get_iopub_msg(timeout=left)
            except Exception:  # nothing came in time
                break
            content = message["content"]
            if content.get("comm_id") != self.comm:
                continue
            if message["msg_type"] == "comm_close" and id is None:
                return {}
            if message["msg_type"] == "comm_msg" and content["data"]["id"] == id:
                return dict(content["data"])
        return None


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Of a kernel that has loaded Lepton Lab and counts how often IPython told of a cell."""
    from jupyter_client.manager import start_new_kernel

    folder = tmp_path_factory.mktemp("kernel")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LEPTON_WORKSPACE": str(folder / "workspace")}
    manager, client = start_new_kernel(cwd=str(folder), env=env)
    client.execute_interactive("%load_ext lepton_lab", timeout=60)
    client.execute_interactive("%lepton data load digits", timeout=60)
    yield client
    client.stop_channels()
    manager.shutdown_kernel()


@pytest.fixture
def page(client: Any) -> Iterator[Page]:
    page = Page(client)
    assert page.hear(page.ask("summary"), 20) is not None  # what it takes is loaded
    yield page
    page.close()


def test_answers_while_a_cell_runs(client: Any, page: Page) -> None:
    client.execute("import time\ntime.sleep(5)")
    time.sleep(0.3)
    began = time.monotonic()
    busy = page.hear(page.ask("summary"))
    assert busy is not None and busy["result"]["is_busy"]
    for method, params in (
        ("summary", {}),
        ("complete", {"text": "%lepton data show di", "cursor": 20}),
        ("inspect", {"text": "%lepton train", "cursor": 3}),
        ("line", {"line": "%lepton data list"}),
        ("line", {"line": "%lepton run stop none"}),
    ):
        asked = time.monotonic()
        answer = page.hear(page.ask(method, **params))
        assert answer is not None and ("error" in answer) == ("stop" in str(params)), answer
        assert time.monotonic() - asked < ANSWERED, method
    assert time.monotonic() - began < 3
    client.get_shell_msg(timeout=20)


def test_a_line_in_a_cells_midst_uses_its_variables(client: Any, page: Page) -> None:
    client.execute("import time\nimport numpy as np\nx, y = np.zeros((20, 3)), np.arange(20) % 2\ntime.sleep(4)")
    time.sleep(0.5)
    answer = page.hear(page.ask("line", line="%lepton data load x,y --name pair"), 3)
    assert answer is not None and "Data set pair" in answer["result"]["text"]
    client.get_shell_msg(timeout=20)


def test_nobody_is_told_of_a_cell_that_there_is_not(client: Any, page: Page) -> None:
    code = "told = []\nget_ipython().events.register('post_execute', lambda: told.append(1))"
    client.execute_interactive(code, timeout=20)
    assert page.hear(page.ask("summary")) is not None
    reply = client.execute_interactive("assert len(told) == 1, told", timeout=20)
    assert reply["content"]["status"] == "ok"


def test_a_comm_of_another_name_is_closed(client: Any) -> None:
    page = Page.__new__(Page)
    page._client, page.comm = client, uuid.uuid4().hex
    page._send("comm_open", target_name="lepton_lab.nonsense", data={})
    assert page.hear(None) == {}


def test_handlers_that_were_there_are_there_again() -> None:
    heard: list[Any] = []
    manager = SimpleNamespace(comm_open=len, comm_msg=len, comm_close=len)
    handlers: dict[str, Any] = {"comm_msg": lambda *message: heard.append(message), "usage_request": len}
    before = dict(handlers)
    undo = listen(SimpleNamespace(control_handlers=handlers, comm_manager=manager), lambda message: "mine" in message)
    handlers["comm_msg"](None, None, {"mine": 1})
    handlers["comm_msg"](None, None, {"other": 1})
    assert heard == [(None, None, {"other": 1})]
    undo()
    assert handlers == before


def test_a_kernel_that_is_not_ipykernels() -> None:
    listen(SimpleNamespace(comm_manager=None), lambda message: True)()
