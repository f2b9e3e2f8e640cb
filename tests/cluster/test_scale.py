"""More workers and fewer, done when the call returns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from lepton_lab.cluster import Handle, find, up
from lepton_lab.errors import InputError
from lepton_lab.events import Event, Progress


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handle]:
    """A cluster of one worker that may be scaled."""
    handle = up(tmp_path_factory.mktemp("scaled"), name="lab", workers=1, device="cpu", memory="400MB")
    yield handle
    handle.down()


def names(handle: Handle) -> list[str]:
    return [worker.name for worker in handle.workers()]


def test_up_and_down(one: Handle) -> None:
    events: list[Event] = []
    info = one.scale(3, events.append)
    assert [worker.name for worker in info.workers] == ["w0", "w1", "w2"]
    assert "worker 2 of 2" in [event.message for event in events if isinstance(event, Progress)]
    assert {worker.memory_limit for worker in info.workers} == {400_000_000}
    held = one.client.submit(lambda: "kept", workers=["w2"], key="held")
    assert held.result() == "kept"
    began = time.monotonic()
    assert [worker.name for worker in one.scale(1).workers] == ["w0"]
    assert time.monotonic() - began < 3.0
    assert held.result() == "kept"
    assert [worker.name for worker in one.scale(2).workers] == ["w0", "w1"]
    assert one._record is not None
    assert [len(info.workers) for info in find(one._record.folder.parent)] == [2]


def test_down_past_a_task_that_does_not_end(one: Handle) -> None:
    one.scale(2)
    busy = one.client.submit(time.sleep, 60, workers=["w1"], allow_other_workers=True)
    time.sleep(0.2)
    began = time.monotonic()
    one.scale(1)
    assert time.monotonic() - began < 4.0
    assert names(one) == ["w0"]
    busy.cancel()


@pytest.mark.parametrize("number", [0, -1, 2.5, True, "2", 10**6])
def test_a_number_that_cannot_be_had(one: Handle, number: Any) -> None:
    before = names(one)
    with pytest.raises(InputError, match="workers="):
        one.scale(number)
    assert names(one) == before
