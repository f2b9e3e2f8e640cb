"""What a person does with a run that a cell waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from lepton_lab.errors import InputError
from lepton_lab.lab import Lab
from lepton_lab.types import Run


@pytest.fixture
def waiting(lab: Lab) -> Iterator[tuple[Run, Callable[[float], list[Run]]]]:
    """A run, and what was given to those who wait for it in this kernel, after some seconds at most."""
    lab.model.new("busy", kind="mlp", data="digits")
    run = lab.train("busy", "digits", epochs=100_000, background=True)
    given: list[Run] = []
    thread = threading.Thread(target=lambda: given.append(lab.run.wait(run.id)))
    thread.start()

    def after(seconds: float) -> list[Run]:
        thread.join(seconds)
        return given

    yield run, after
    if not lab.run.show(run.id).is_over:
        lab.run.stop(run.id)
    thread.join(20)


def dismissed(lab: Lab, run: Run, after: Callable[[float], list[Run]]) -> Run:
    """What the one gets who waits for the run, when told not to; told again, since it may only begin to wait."""
    deadline = time.monotonic() + 20
    while not after(0.3) and time.monotonic() < deadline:
        assert lab.run.background().id == run.id
    (given,) = after(0)
    return given


def test_a_cell_waits_no_longer_and_the_run_goes_on(
    lab: Lab, waiting: tuple[Run, Callable[[float], list[Run]]]
) -> None:
    run, after = waiting
    assert after(0.5) == []
    given = dismissed(lab, run, after)
    assert given.id == run.id and not given.is_over
    assert lab.run.stop(run.id).state == "cancelled"


def test_who_waits_afterwards_waits(lab: Lab, waiting: tuple[Run, Callable[[float], list[Run]]]) -> None:
    run, after = waiting
    dismissed(lab, run, after)
    later: list[Run] = []
    thread = threading.Thread(target=lambda: later.append(lab.run.wait(run.id)))
    thread.start()
    thread.join(0.5)
    assert later == []
    lab.run.stop(run.id)
    thread.join(20)
    assert later[0].state == "cancelled"


def test_a_run_that_is_over(lab: Lab, waiting: tuple[Run, Callable[[float], list[Run]]]) -> None:
    run, after = waiting
    lab.run.stop(run.id)
    assert after(20)[0].state == "cancelled"
    with pytest.raises(InputError, match=f"The run {run.id} is over: cancelled"):
        lab.run.background(run.id)
    assert lab.run.wait(run.id).state == "cancelled"
