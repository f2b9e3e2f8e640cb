"""What all tests share: one lab with a real cluster of two workers, and a fork server of their own.

The fork server lies below the system's temporary folder. The tests have one of their own, so that labs that run beside
them neither lend them theirs nor are taken for theirs.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lepton_lab.lab import Lab

os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())  # what tests write stays where pytest puts it
os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix="lt")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background without one


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with two workers and the data set `digits`, cut into eight shards."""
    with Lab(tmp_path_factory.mktemp("workspace")) as lab:
        lab.cluster.up(workers=2, threads=1, memory="2GB")
        lab.data.load("digits")
        lab.data.shard("digits", shards=8)
        yield lab


@pytest.fixture(scope="session")
def trained(lab: Lab) -> str:
    """The name of a small model trained on digits."""
    lab.model.new("small", kind="cnn", data="digits", hidden_size=32)
    lab.train("small", "digits", epochs=12, batch_size=32)
    return "small"


@pytest.fixture(scope="session")
def mnist() -> Path | None:
    """MNIST's folder, where the machine has it: `LEPTON_TEST_DATA` names the folder above it."""
    folder = Path(os.environ.get("LEPTON_TEST_DATA", "/nowhere")) / "mnist"
    return folder if folder.is_dir() else None
