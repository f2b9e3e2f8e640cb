"""Every test of training ends with no process left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.train.processes import children, wait_for


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    wait_for(lambda: not children(), 5)
