"""Log lines in a form."""

from __future__ import annotations

import time
from pathlib import Path

from lepton_lab.lab import Lab
from lepton_lab.widgets._logs import Logs


def test_without_a_cluster_it_says_so(tmp_path: Path) -> None:
    assert "No cluster is up" in Logs(Lab(tmp_path), lambda: None).read()


def test_of_the_cluster_and_of_a_run(lab: Lab, trained: str) -> None:
    run = next(name for name in lab.names("run") if lab.run.show(name).model == trained)
    assert "scheduler: " in Logs(lab, lambda: None).read()
    (lab.run.show(run).folder / "rank-0.log").open("a").write("a <line> of its own\n")
    shown = Logs(lab, lambda: run).read()
    assert "rank-0: a &lt;line&gt; of its own" in shown and "scheduler: " not in shown


def test_follows_while_it_is_open(tmp_path: Path) -> None:
    asked: list[float] = []

    def run() -> None:
        asked.append(time.monotonic())

    logs = Logs(Lab(tmp_path), run)
    assert not asked
    logs.button.value = True
    deadline = time.monotonic() + 10
    while not logs.view.value and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "No cluster" in logs.view.value and logs.view.layout.display is None
    logs.button.value = False
    assert logs.view.layout.display == "none"
    before = len(asked)
    time.sleep(1.2)
    assert len(asked) == before
