"""What a rank's process does apart from training."""

from __future__ import annotations

from typing import Any

import pytest

from lepton_lab import forkserver
from lepton_lab.train import _rank
from lepton_lab.train._job import Seat

RESULT = {"stopped": True, "metrics": {}, "layers": []}


def run(channel: Any, world: int) -> dict[str, Any]:
    """A rank that has nothing to learn."""
    _rank._train = lambda *unused: RESULT
    return _rank.run_rank(None, Seat(0, "w0", ("127.0.0.1:1",) * world, 1), channel)  # type: ignore[arg-type]


@pytest.mark.parametrize("world", [1, 2])
def test_one_with_peers_stays_until_it_is_ended(world: int) -> None:
    child = forkserver.Child(f"{__name__}:run", {"world": world})
    assert child.receive(60) == ("result", RESULT)
    if world > 1:
        child.send("stop")  # came too late
        assert child.receive(1.0) is None
        child.kill()
    last = child.receive(10)
    assert last is not None and last[0] == "exit"
