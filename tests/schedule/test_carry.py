"""Functions, items and results on their way, without a cluster; one is in `test_dispatch` and `lab/test_schedule`."""

from __future__ import annotations

import functools
import io
import pickle
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.lab import Lab
from lepton_lab.runtime import own_modules
from lepton_lab.schedule import _carry
from lepton_lab.schedule._carry import Carried, Ran, call, pack, pack_function, pack_item


def by_worker(function: Callable[[Any], Any], item: Any = 2) -> Ran:
    """What a worker would tell of a call."""
    packed = pickle.loads(pickle.dumps(pack_function(function), 4))  # as Dask sends it
    ran: Ran = pickle.loads(pickle.dumps(call(Carried(packed), pack_item(0, item)), 4))
    return ran


class Scale:
    factor = 3
    twice = staticmethod(lambda item: item * 2)

    def times(self, item: int) -> int:
        return self.factor * item

    def __call__(self, item: int) -> int:
        return -item


class AsyncScale:
    async def __call__(self, item: int) -> int:
        return item


class TwoWordsError(Exception):
    """Can't be unpickled."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class LockedError(Exception):
    """Can't be pickled."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Unwilling:
    def __reduce__(self) -> Any:
        raise RuntimeError("stays here")


class Broken:
    def __reduce__(self) -> Any:
        return int, ("x",)


def raising(error: BaseException) -> Callable[[Any], Any]:
    def function(item: Any) -> Any:
        raise error  # the line that is shown

    return function


async def later(item: int) -> int:
    return item


async def many(item: int) -> Any:
    yield item


def each(item: int) -> Iterator[int]:
    yield item


def add(first: int, second: int) -> int:
    return first + second


@pytest.mark.parametrize(
    ("function", "result"),
    [
        (str, "2"),
        (Scale().times, 6),
        (Scale(), -2),
        (Scale.twice, 4),
        (functools.partial(add, 5), 7),
        (functools.cache(lambda item: item + 0.5), 2.5),
        (lambda item: io.StringIO("text").read(), "text"),
    ],
)
def test_what_can_be_called_is(function: Callable[[Any], Any], result: Any) -> None:
    ran = by_worker(function)
    assert ran.failure is None and ran.result is not None and ran.result.open() == result


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (later, "later is an async function"),
        (many, "many is an async function"),
        (AsyncScale(), "AsyncScale is an async function"),
        (functools.partial(later), "later is an async function"),
        (each, r"each is a generator function \(it has a yield\)"),
        (functools.partial(add, threading.Lock()), r"add can't be sent to the workers: it uses `\[0\]`, a lock"),
    ],
)
def test_what_could_never_come_back_is_refused_at_once(function: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        pack_function(function)
    assert "\n" not in str(caught.value)


def test_a_lab_stays_here(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    with pytest.raises(InputError, match="it uses `lab`, a Lab"):
        pack_function(lambda item: lab.map(str, [item]))


@pytest.mark.parametrize(
    ("item", "kind"),
    [(threading.Lock(), "a lock"), ((n for n in "a"), "a generator"), (Unwilling(), "an Unwilling"), (sys, None)],
)
def test_items(item: Any, kind: str | None) -> None:
    if kind is None:
        assert pack_item(0, item).open() is item
        return
    with pytest.raises(InputError, match=f"Item 7 can't be sent to a worker: it is or holds {kind} ") as caught:
        pack_item(7, item)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TwoWordsError("a", "b"), "TwoWordsError: a b"),
        (LockedError(), "LockedError:"),
        (MuteError(), "MuteError"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt:"),
        (ValueError("two\nlines"), "ValueError: two lines"),
    ],
)
def test_what_is_raised_is_told_whatever_it_is(error: BaseException, message: str) -> None:
    if isinstance(error, LockedError):
        ran = by_worker(lambda item: raising(LockedError())(item))
    else:
        ran = by_worker(
            raising(error) if not isinstance(error, TwoWordsError) else lambda item: raising(TwoWordsError("a", "b"))(0)
        )
    assert ran.failure is not None and (ran.failure.what, ran.failure.message) == ("raised", message)
    assert (
        "raise error  # the line that is shown" in ran.failure.traceback
        and "schedule/_carry.py" not in ran.failure.traceback
    )


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda item: (n for n in range(item)), "it is or holds a generator"),
        (lambda item: [item, threading.Lock()], r"it is or holds `[1]`, a lock"),
        (lambda item: later(item), "it is or holds a coroutine"),
        (lambda item: Unwilling(), "RuntimeError: stays here"),
    ],
)
def test_results_that_can_not_be_sent_are_told(function: Callable[[Any], Any], said: str) -> None:
    ran = by_worker(function)
    assert ran.failure is not None and ran.failure.what == "result" and said in ran.failure.message


def test_what_can_not_be_made_on_the_worker_is_told() -> None:
    ran = by_worker(str, Broken())
    assert ran.failure is not None and ran.failure.what == "item" and "ValueError" in ran.failure.message


def test_arrays_come_back_as_they_were() -> None:
    for value in (np.ones((3, 4), order="F"), np.zeros(0), np.array(["a", None], object), [np.arange(5)]):
        there = pickle.loads(pickle.dumps(pack(value), 4)).open()
        np.testing.assert_array_equal(there, value)
    there[0][0] = 7  # and can be written to


def test_a_module_that_is_imported_by_the_call_is_found_and_as_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lazily(item: int) -> int:
        import own_lazy

        return int(own_lazy.f(item))

    (tmp_path / "own_lazy.py").write_text("def f(x): return x\n")
    # A worker's own modules are those that its calls imported; here they are the tests, too.
    mine = lambda: {name: module for name, module in own_modules().items() if name == "own_lazy"}  # noqa: E731
    monkeypatch.setattr(_carry, "own_modules", mine)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    packed = pack_function(lazily)
    monkeypatch.setattr(sys, "path", sys.path[1:])  # as a worker has it
    for text, result in (("def f(x): return x + 1\n", 3), ("def f(x): return x + 1000\n", 1002)):
        (tmp_path / "own_lazy.py").write_text(text)
        ran = call(Carried(packed), pack_item(0, 2))
        assert ran.result is not None and ran.result.open() == result
    assert isinstance(sys.modules.pop("own_lazy"), types.ModuleType)


def test_one_that_was_put_on_disk_is_the_same_function() -> None:
    carried = Carried(pack_function(Scale().times))
    for each in (carried, carried):
        assert pickle.loads(pickle.dumps(each)).open()(2) == 6
        carried.open()
