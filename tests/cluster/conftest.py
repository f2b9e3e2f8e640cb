"""One cluster of two workers for all tests that leave it as they find it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lepton_lab.cluster import Handle, up
from lepton_lab.events import Event


@pytest.fixture(scope="session")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the shared cluster lies below."""
    return tmp_path_factory.mktemp("clusters")


@pytest.fixture(scope="session")
def start_events() -> list[Event]:
    """What the shared cluster reported while it started."""
    return []


@pytest.fixture(scope="session")
def cluster(clusters: Path, start_events: list[Event]) -> Iterator[Handle]:
    """Two CPU workers with one thread and 500 MB each."""
    handle = up(clusters, name="shared", workers=2, device="cpu", threads=1, memory="500MB", report=start_events.append)
    yield handle
    handle.down()
