"""Every test of training ends with no process left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lepton_lab.lab import Lab
from tests.train.processes import children, wait_for


@pytest.fixture(autouse=True)
def no_process_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "lab" in request.fixturenames:  # a test that failed may have left a run, which would spoil the next ones
        lab: Lab = request.getfixturevalue("lab")
        for run in lab.run.active():
            lab.run.stop(run.id)
    wait_for(lambda: not children(), 5)
