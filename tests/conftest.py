"""What all tests share: one lab with a real cluster of two workers, and a fork server of their own.

The fork server lies below the system's temporary folder. The tests have one of their own, so that labs that run beside
them neither lend them theirs nor are taken for theirs.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from lepton_lab.lab import Lab

# What is drawn at random is the same in every run of the tests; `make soak` draws more of it, and others each time.
settings.register_profile("test", max_examples=100, deadline=None, derandomize=True, database=None)
settings.register_profile("soak", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("LEPTON_HYPOTHESIS", "test"))

os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())  # what tests write stays where pytest puts it
os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix="lt")
os.environ.setdefault("LEPTON_TEST_SHARED", os.environ["TMPDIR"])  # the first process's, which those beside it inherit
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background without one


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name content by its length: what packed it may have written the time into it, and names are to stay the same."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


def pytest_runtest_setup() -> None:
    """Give `__main__` what multiprocessing asks it for, as Dask's LocalCluster uses it; pytest-xdist's has none."""
    vars(sys.modules["__main__"]).setdefault("__spec__", None)


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
