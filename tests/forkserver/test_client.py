"""The fork server, its children, and that none of them outlives its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from lepton_lab import forkserver
from lepton_lab.errors import InputError, LeptonError, LibraryError
from lepton_lab.events import Event, Progress
from lepton_lab.forkserver import _address
from lepton_lab.types import Model

WORK = f"{__name__}:"


def echo(value: object) -> object:
    return value


def tensorflow_is_loaded() -> bool:
    return "tensorflow" in sys.modules and os.environ["TF_USE_LEGACY_KERAS"] == "1"


def complain(message: str) -> None:
    raise InputError(message)


def stumble() -> None:
    raise ZeroDivisionError("one over nothing")


def open_nothing() -> None:
    Path("/nowhere").read_bytes()


def tell(report: Callable[[Event], None]) -> str:
    report(Progress("test", "half way", 0.5))
    return "told"


def die(report: Callable[[Event], None], model: Model, number: str) -> None:
    tell(report)
    os.kill(os.getpid(), signal.Signals[number])


def leave(channel: Any, seconds: float = 0.0) -> None:
    handle, path = tempfile.mkstemp()
    os.close(handle)
    channel.send("made", path)
    time.sleep(seconds)


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def say(text: str) -> None:
    print(text)


def variable(name: str) -> str | None:
    return os.environ.get(name)


def gone(pid: int, within: float) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@contextmanager
def own_server() -> Iterator[dict[str, str]]:
    """An environment whose processes find no server but their own."""
    with tempfile.TemporaryDirectory(prefix="lt", dir="/tmp") as folder:  # short, since a socket's path must be
        yield {**os.environ, "TMPDIR": folder}


@pytest.fixture(scope="module", autouse=True)
def lease() -> None:
    forkserver.hold()


def test_values_come_back() -> None:
    value = {"shape": (3, 4), "path": Path("x")}
    assert forkserver.call(f"{WORK}echo", {"value": value}) == value


def test_tensorflow_is_there_before_the_work_starts() -> None:
    assert forkserver.call(f"{WORK}tensorflow_is_loaded", {})


def test_our_errors_pass_unchanged() -> None:
    with pytest.raises(InputError, match=r"^sparsity is 2"):
        forkserver.call(f"{WORK}complain", {"message": "sparsity is 2"})


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(LibraryError, match=r"^Stumble failed: ZeroDivisionError: one over nothing$") as caught:
        forkserver.call(f"{WORK}stumble", {})
    assert "in stumble" in caught.value.details


def test_a_disk_s_refusal_is_the_cause() -> None:
    with pytest.raises(LibraryError) as caught:
        forkserver.call(f"{WORK}open_nothing", {})
    assert isinstance(caught.value.__cause__, FileNotFoundError)


@pytest.mark.parametrize(("number", "hint"), [("SIGABRT", "another scheme"), ("SIGKILL", "memory")])
def test_a_child_that_dies_is_one_line_with_a_way_out(number: str, hint: str, tmp_path: Path) -> None:
    model = Model("net", tmp_path, "added", "new", "keras", (1,), (1,), 0)
    with pytest.raises(LeptonError, match=rf"^The process for die of 'net' \(half way\) ended with.*{number}.*{hint}"):
        forkserver.call(f"{WORK}die", {"model": model, "number": number})


def test_events_arrive() -> None:
    events: list[Event] = []
    assert forkserver.call(f"{WORK}tell", {}, report=events.append) == "told"
    assert [(e.message, e.fraction) for e in events if isinstance(e, Progress)] == [("half way", 0.5)]


def tell_and_sleep(report: Callable[[Event], None], seconds: float) -> None:
    report(Progress("test", "counting sheep"))
    time.sleep(seconds)


def test_a_call_that_takes_too_long_is_ended_and_says_what_it_was_at() -> None:
    assert forkserver.call(f"{WORK}echo", {"value": 3}, timeout=60) == 3
    begun = time.monotonic()
    with pytest.raises(LeptonError, match=r"^Ended after 2 s without a result, at this step: counting sheep\.$"):
        forkserver.call(f"{WORK}tell_and_sleep", {"seconds": 60}, timeout=2)
    assert time.monotonic() - begun < 30
    assert not forkserver.children()


@pytest.mark.parametrize("spawn", [False, True])
def test_a_child_computes_with_tensorflow_whatever_keras_its_owner_uses(spawn: bool) -> None:
    given = {"KERAS_BACKEND": "torch", "TF_USE_LEGACY_KERAS": "0"}
    for name, value in (("KERAS_BACKEND", "tensorflow"), ("TF_USE_LEGACY_KERAS", "1")):
        child = forkserver.Child(f"{WORK}variable", {"name": name}, environment=given, spawn=spawn)
        assert child.receive(30) == ("result", value)
        child.close()


def test_what_a_child_prints_goes_to_its_log(tmp_path: Path) -> None:
    forkserver.call(f"{WORK}say", {"text": "hello"}, log=tmp_path / "log")
    assert (tmp_path / "log").read_text() == "hello\n"


def test_a_killed_child_is_told_as_such() -> None:
    child = forkserver.Child(f"{WORK}sleep", {"seconds": 60})
    assert child.pid in forkserver.children()
    os.kill(child.pid, signal.SIGKILL)
    assert child.receive(5) == ("exit", -signal.SIGKILL)
    assert child.pid not in forkserver.children()


@pytest.mark.parametrize("is_killed", [False, True], ids=["ended", "killed"])
def test_temporary_files_go_with_the_child(is_killed: bool) -> None:
    child = forkserver.Child(f"{WORK}leave", {"seconds": 60.0 if is_killed else 0.0})
    _, path = child.receive(5)
    if is_killed:
        assert Path(path).exists()
        os.kill(child.pid, signal.SIGKILL)
    while child.receive(5)[0] != "exit":
        pass
    assert not Path(path).parent.exists()
    assert Path(path).parent.parent == _address.folder()


@pytest.mark.parametrize("stop_first", [False, True], ids=["running", "stopped"])
def test_a_child_dies_when_its_owner_lets_go(stop_first: bool) -> None:
    child = forkserver.Child(f"{WORK}sleep", {"seconds": 60})
    if stop_first:
        os.kill(child.pid, signal.SIGSTOP)
    child.close()
    assert gone(child.pid, within=3)


def test_kill_wakes_whoever_waits() -> None:
    child = forkserver.Child(f"{WORK}sleep", {"seconds": 60})
    child.kill()
    assert child.receive(5) is not None
    assert gone(child.pid, within=3)


def test_cutting_and_closing_a_line_exclude_each_other() -> None:
    child = forkserver.Child(f"{WORK}sleep", {"seconds": 60})
    for act in (child.kill, child.close):
        thread = threading.Thread(target=act)
        with child._line_lock:
            thread.start()
            thread.join(0.1)
            assert thread.is_alive()
        thread.join(5)
        assert not thread.is_alive()
    child.kill()  # of a closed line: nothing
    child.close()
    assert gone(child.pid, within=3)


def test_a_child_that_cannot_be_set_up_says_why(tmp_path: Path) -> None:
    missing = tmp_path / "none" / "log"
    for spawn in (False, True):
        with pytest.raises(LeptonError, match=r"test_client:say could not be set up: FileNotFoundError: .*none/log"):
            forkserver.Child(f"{WORK}say", {"text": "x"}, log=missing, spawn=spawn)
    assert forkserver.children() == ()
    assert forkserver.call(f"{WORK}echo", {"value": 1}) == 1


def test_a_working_folder_that_was_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here").rmdir()
    with pytest.raises(LeptonError, match=r"working folder .* has been removed: change to"):
        forkserver.call(f"{WORK}echo", {"value": 1})


def test_a_child_dies_with_its_owner() -> None:
    code = f"""
import sys; sys.path[:] = {sys.path!r}
from lepton_lab.forkserver import Child
child = Child("{WORK}sleep", {{"seconds": 60}})
print(child.pid, flush=True)
sys.stdin.read()
"""
    owner = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert psutil.pid_exists(pid)
    owner.kill()
    owner.wait()
    assert gone(pid, within=3)


def test_a_spawned_child_is_a_fresh_process() -> None:
    child = forkserver.Child(f"{WORK}tensorflow_is_loaded", {}, spawn=True)
    assert child.receive(30) == ("result", False)
    child.close()


def test_a_spawned_child_has_the_environment_that_was_asked_for() -> None:
    for spawn, seen in ((True, "GPU-1234"), (False, "-1")):  # one that is forked computes on the CPU
        given = {"CUDA_VISIBLE_DEVICES": "GPU-1234", "LEPTON_TEST": "mine"}
        child = forkserver.Child(f"{WORK}variable", {"name": "CUDA_VISIBLE_DEVICES"}, environment=given, spawn=spawn)
        assert child.receive(30) == ("result", seen)
        child.close()
    child = forkserver.Child(f"{WORK}variable", {"name": "LEPTON_TEST"}, environment=given, spawn=True)
    assert child.receive(30) == ("result", "mine")
    child.close()


def test_a_lease_is_taken_anew_when_the_server_has_died() -> None:
    code = f"""
import os, signal, sys, time; sys.path[:] = {sys.path!r}
from lepton_lab import forkserver as f
from lepton_lab.forkserver import _client
f.hold()
first = f.call("os:getppid", {{}})
lease = _client._lease
f.hold()
assert _client._lease is lease  # still good, its late acknowledgement read
os.kill(first, signal.SIGKILL)
lease.poll(10)  # until the last of its threads has ended
f.hold()
second = f.call("os:getppid", {{}})
time.sleep(5)  # longer than a server without a lease lives
assert second != first and f.call("os:getppid", {{}}) == second
began = time.monotonic()
f.hold()
print(time.monotonic() - began < 0.05)
"""
    with own_server() as environment:
        run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert run.stderr == "", run.stderr
        assert run.stdout == "True\n"


def test_the_server_ends_when_nobody_needs_it() -> None:
    code = "from lepton_lab import forkserver as f; print(f.call('os:getppid', {}))"
    with own_server() as environment:
        run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert gone(int(run.stdout), within=15)
        assert not list(Path(environment["TMPDIR"]).glob("*/socket"))
