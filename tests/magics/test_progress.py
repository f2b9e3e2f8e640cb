"""Progress in a terminal; in a kernel see `test_extension.py`."""

from __future__ import annotations

import threading
import time

import pytest

from lepton_lab.commands import find
from lepton_lab.events import Bus, NamesChanged, Progress, RunProgress
from lepton_lab.magics._progress import Showing


def test_a_quick_verb_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Showing(None, Bus(), find(["data", "list"])[0]):
        pass
    assert capsys.readouterr().out == ""


def test_a_verb_that_tells_nothing_leaves_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Showing(None, Bus(), find(["data", "list"])[0]):
        time.sleep(0.5)
    assert capsys.readouterr().out == ""


def test_lines_in_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    bus = Bus()
    with Showing(None, bus, find(["train"])[0]):
        bus.publish(Progress("data shard digits", "writing", 0.5))
        time.sleep(0.3)
        bus.publish(NamesChanged("run", "cnn-1"))
        event = RunProgress("cnn-1", 1, 2, 5, 5, 0.5, {"accuracy": 0.9}, {"w0": 10.0}, 1.0)
        threading.Thread(target=bus.publish, args=(event,)).start()
        time.sleep(0.05)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("data shard digits: writing")
    assert lines[-1].startswith("[##########..........]  50%  cnn-1: epoch 1/2; loss 0.5000; accuracy 0.9000")
    assert not [thread for thread in threading.enumerate() if thread.name == "lepton-bar"]


def test_a_search_says_its_own_line_and_not_what_its_stages_say(capsys: pytest.CaptureFixture[str]) -> None:
    bus = Bus()

    def stage(name: str) -> None:
        for share in (0.2, 0.8):
            bus.publish(Progress(f"compress {name} quantize", "inner", share))
            bus.publish(NamesChanged("run", f"{name}-1"))
            bus.publish(RunProgress(f"{name}-1", 1, 2, 5, 5, 0.5, {}, {}, 1.0))
            time.sleep(0.05)

    with Showing(None, bus, find(["compress"])[0]) as showing:
        for done in (1, 2, 3):
            bus.publish(Progress("compress cnn search", f"{done} of 3", done / 3))
            stages = [threading.Thread(target=stage, args=(name,)) for name in ("cnn-p80", "cnn-c16")]
            for thread in stages:
                thread.start()
            for thread in stages:
                thread.join()
            assert showing._bar.text().endswith(f"compress cnn search: {done} of 3")
        time.sleep(0.3)
    lines = capsys.readouterr().out.splitlines()
    assert lines and all("compress cnn search: " in line for line in lines)


def test_a_verb_that_raises_ends_the_drawing() -> None:
    with pytest.raises(ZeroDivisionError), Showing(None, Bus(), find(["runs"])[0]):
        raise ZeroDivisionError
    assert not [thread for thread in threading.enumerate() if thread.name == "lepton-bar"]
