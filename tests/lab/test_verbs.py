"""Workspaces that can't be written to: one line that names the workspace and the cause, and nothing half-written."""

from __future__ import annotations

import errno
import os
import re
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import Interrupted, LeptonError, LibraryError, WorkspaceError
from lepton_lab.events import EpochEnded, Event
from lepton_lab.lab import Lab
from lepton_lab.lab._verbs import verbs

ROWS = (np.random.default_rng(0).random((2000, 16)), np.arange(2000) % 2)


@contextmanager
def largest_file(num_bytes: int) -> Iterator[None]:
    """As a disk that is full: what is written beyond so many bytes of a file is refused."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_what_no_longer_fits_leaves_what_was_there(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.data.load(ROWS, name="rows")
    before = files(tmp_path)
    for verb in (
        lambda: lab.data.load(ROWS, name="rows"),
        lambda: lab.data.load(ROWS, name="others"),
        lambda: lab.data.shard("rows", shards=2),
    ):
        with largest_file(4096), pytest.raises(WorkspaceError) as caught:
            verb()
        assert str(caught.value).startswith(f"The workspace {tmp_path} can't be used") and "\n" not in str(caught.value)
        assert "disk" in str(caught.value) and [name for name in files(tmp_path) if name != "shards"] == before
    assert lab.data.get("rows").splits["train"] == 1600


@pytest.mark.parametrize("verb", [lambda lab: lab.data.load(ROWS, name="rows"), lambda lab: lab.cluster.up(workers=1)])
@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("file", "a file stands where a folder is needed"),
        ("file/below", "a file stands where a folder is needed"),
        ("x" * 300, "the name is too long for its disk"),
        ("loop/below", "its links lead round in a circle"),
    ],
)
def test_where_no_workspace_can_be(verb: Callable[[Lab], Any], name: str, cause: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(LeptonError, match=cause) as caught:
        verb(Lab(tmp_path / name))
    assert "The workspace /" in str(caught.value) and "\n" not in str(caught.value)
    assert files(tmp_path) == ["file", "loop"]


class Noun:
    """Raises what it is told."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def do(self, error: BaseException) -> None:
        raise error


def in_a_child(cause: OSError) -> LibraryError:
    error = LibraryError("Make model failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left"), "The workspace {} can't be used: the disk is full"),
        (
            OSError(errno.EROFS, "x", "{}/data/a/x.npy"),
            r"The workspace {} can't be used \(at data/a/x.npy\): the disk is",
        ),
        (PermissionError(errno.EACCES, "x", "{}"), "The workspace {} can't be used: you may not read or write there"),
        (
            FileNotFoundError(errno.ENOENT, "x", "{}/models"),
            r"\(at models\): what should be there is missing, or can't be",
        ),
        (OSError(errno.EROFS, "x", "/elsewhere/m.onnx"), "^/elsewhere/m.onnx can't be used: the disk is read-only"),
        (OSError("25000 requested and 1024 written"), "The workspace {} can't be used: the disk is full"),
        (OSError("Unable to write (errno = 28, x)"), "The workspace {} can't be used: the disk is full"),
        (in_a_child(OSError(errno.ENOSPC, "No space left")), "The workspace {} can't be used: the disk is full"),
        (KeyboardInterrupt(), "what was under way has ended"),
        (Interrupted("as it was"), "^as it was$"),
    ],
)
def test_what_is_told(error: BaseException, message: str, tmp_path: Path) -> None:
    if isinstance(error, OSError) and error.filename is not None:
        error.filename = error.filename.format(tmp_path)
    with pytest.raises((WorkspaceError, Interrupted), match=message.format(tmp_path)) as caught:
        verbs(Noun)(Lab(tmp_path)).do(error)
    assert isinstance(caught.value, OSError | KeyboardInterrupt)


@pytest.mark.parametrize(
    "error", [OSError("odd"), ConnectionResetError(104, "x"), PermissionError(1, "no file"), ValueError()]
)
def test_what_is_of_no_disk_goes_on_as_it_is(error: Exception, tmp_path: Path) -> None:
    with pytest.raises(type(error)) as caught:
        verbs(Noun)(Lab(tmp_path)).do(error)
    assert caught.value is error


def test_a_workspace_that_can_not_be_made_is_named() -> None:
    with pytest.raises(
        WorkspaceError, match=r"^/proc/nope can't be used: what should be there is missing, or can't be"
    ):
        Lab("/proc/nope/workspace").data.load(ROWS, name="rows")


def test_an_interrupted_run_says_how_to_go_on_with_it(lab: Lab) -> None:
    lab.model.new("left_off", kind="mlp", data="digits")
    sent: list[threading.Timer] = []

    def interrupt(event: Event) -> None:
        if not sent:
            sent.append(threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)))
            sent[0].start()

    unsubscribe = lab.events.subscribe(interrupt, EpochEnded)
    with pytest.raises(Interrupted) as caught:
        lab.train("left_off", "digits", epochs=100_000)
    unsubscribe()
    assert re.fullmatch(
        r"the run left_off-1 was stopped after \d+ of 100000 epochs: %lepton run resume left_off-1 goes on\.",
        str(caught.value),
    )
    assert lab.run.show("left_off-1").state == "cancelled"
    assert caught.value._render_traceback_()[-1].startswith("Interrupted: the run left_off-1 was stopped")
    lab.run.drop("left_off-1")
