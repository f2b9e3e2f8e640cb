from __future__ import annotations

from pathlib import Path

import numpy as np

from lepton_lab.events import WorkerLoad
from lepton_lab.widgets._plain import plain


def test_numbers() -> None:
    values = (np.float32(0.5), np.int64(3), True, None, Path("x"), float("inf"))
    assert plain({"a": values}) == {"a": [0.5, 3, True, None, "x", None]}


def test_events() -> None:
    load = plain(WorkerLoad("w0", 1.0, 2, 3, tasks={"executing": 1}, time=4.0))
    assert (load["worker"], load["tasks"], load["disk_read_bps"], load["time"]) == ("w0", {"executing": 1}, 0.0, 4.0)
