"""How a function, its items and its results go to a worker and back.

All of it is pickled and unpickled here, by value where it is the user's own, and never by Dask: what Dask can't pickle
it writes pages about, and a result that it can't send it has made again, for ever. A worker gets the function once, and
keeps it as the result of a task on which all its calls depend.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import inspect
import pickle
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.runtime import dumps, found_in, obstacle, own_modules
from lepton_lab.schedule import _under_way

_PLAIN = (int, float, complex, bool, str, bytes, type(None))
"""What needs none of the care that a user's own objects do; a map may have a million of them."""


@dataclass(frozen=True)
class Packed:
    """A value as bytes, with the memory of its arrays beside them, which isn't copied."""

    pickled: bytes
    buffers: list[NDArray[np.uint8]] = field(default_factory=list)
    imports: tuple[str, ...] = ()
    """The modules that its code imports itself: classes of these are the same ones there."""
    paths: tuple[str, ...] = ()
    """Where modules are found, for what a function imports only when it is called."""

    def __sizeof__(self) -> int:
        return len(self.pickled) + sum(buffer.nbytes for buffer in self.buffers)

    def open(self) -> Any:
        """The value."""
        return pickle.loads(self.pickled, buffers=self.buffers)  # noqa: S301  # of the cluster's own processes


def pack(value: Any) -> Packed:
    """Make a value ready to be sent.

    Raises
    ------
    Exception
        Whatever a part of it raises that can't be pickled.
    """
    buffers: list[NDArray[np.uint8]] = []

    def keep(buffer: pickle.PickleBuffer) -> None:
        buffers.append(np.frombuffer(buffer.raw(), np.uint8))

    if _is_plain(value):
        return Packed(pickle.dumps(value, 5, buffer_callback=keep), buffers)
    imports: set[str] = set()
    return Packed(dumps(value, keep, by_name=imports), buffers, tuple(imports))


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is tuple:
        return all(type(part) in _PLAIN for part in value)
    return kind in _PLAIN or (kind is np.ndarray and not value.dtype.hasobject)


def pack_function(function: Callable[[Any], Any]) -> Packed:
    """Make a function ready to be sent.

    Raises
    ------
    InputError
        If it, or something that it uses, can't be sent, or what it gives never could.
    """
    name = _name(function)
    kinds = (function, getattr(type(function), "__call__", None))  # noqa: B004  # what a call of an object runs
    if any(inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each) for each in kinds):
        raise InputError(
            f"{name} is an async function, and what it gives can't be sent back: give a function that calls "
            "asyncio.run(...) and returns what that gives."
        )
    if any(inspect.isgeneratorfunction(each) for each in kinds):
        raise InputError(
            f"{name} is a generator function (it has a yield), and what it gives can't be sent back: return a list."
        )
    try:
        return replace(pack(function), paths=_paths())
    except Exception as error:  # whatever its parts raise
        raise InputError(
            f"{name} can't be sent to the workers: it uses {obstacle(function)} ({one_line(error)}). Make that inside "
            "of the function, or give plain values."
        ) from None


def pack_item(number: int, item: Any) -> Packed:
    """Make an item ready to be sent.

    Raises
    ------
    InputError
        If it can't be.
    """
    try:
        return pack(item)
    except Exception as error:  # whatever its parts raise
        raise InputError(
            f"Item {number} can't be sent to a worker: it is or holds {obstacle(item)} ({one_line(error)}). Give plain "
            "values, and make that inside of the function."
        ) from None


def one_line(error: BaseException) -> str:
    """An error's kind and message, in one line of bounded length, also where it can't be made text."""
    with suppress(Exception):
        return " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return type(error).__name__


def _name(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    return f"The function {getattr(function, '__qualname__', type(function).__name__)}".replace("<locals>.", "")


def _paths() -> tuple[str, ...]:
    """Where this process finds modules."""
    return tuple(str(Path(path).absolute()) for path in sys.path)


class Carried:
    """A function on a worker, made of its bytes at the first call; `map` is whose it is."""

    def __init__(self, packed: Packed, map: str = "") -> None:
        self._packed: Packed | None = packed
        self.map, self.imports = map, packed.imports
        self._function: Callable[[Any], Any] | None = None
        self._lock = threading.Lock()

    def open(self) -> Callable[[Any], Any]:
        """The function."""
        with self._lock:
            if self._packed is not None:
                sys.path.extend(path for path in self._packed.paths if path not in sys.path and Path(path).exists())
                _forget_edited()
                with found_in(self.imports):
                    self._function = self._packed.open()
                self._packed = None
                _see()
            assert self._function is not None
            return self._function

    def __reduce__(self) -> Any:  # Dask puts it on disk where memory is short
        return Carried, (self._packed or replace(pack(self._function), imports=self.imports), self.map)


_seen: dict[str, float] = {}
"""When the files of the user's own modules had been written that this worker has imported, by the module's name."""


def _written() -> dict[str, float]:
    """When the files of the user's own modules were written last, by the module's name."""
    times = {}
    for name, module in own_modules().items():
        with suppress(OSError):
            times[name] = Path(str(module.__file__)).stat().st_mtime
    return times


def _see() -> None:
    """Note the modules of the user's own that were imported meanwhile."""
    _seen.update(_written() | _seen)


def _forget_edited() -> None:
    """Have all modules of the user's own imported anew if the file of one was edited after this worker imported it:
    others may hold what they took from it."""
    importlib.invalidate_caches()
    edited = [name for name, written in _written().items() if _seen.setdefault(name, written) != written]
    for name in edited:  # Python takes what it compiled within the same second for up to date
        with suppress(OSError):
            Path(importlib.util.cache_from_source(str(sys.modules[name].__file__))).unlink(missing_ok=True)
    for name in own_modules() if edited else ():
        parent, _, child = name.rpartition(".")
        if parent in sys.modules:  # a package without a file stays
            vars(sys.modules[parent]).pop(child, None)
        sys.modules.pop(name, None)
        _seen.pop(name, None)


class Failure(NamedTuple):
    """Why a call has no result."""

    what: str
    """`function` or `item`: it could not be made on the worker; `raised`; `result`: it can't be sent."""
    message: str
    traceback: str = ""
    """The user's own frames."""


class Ran(NamedTuple):
    """What a worker tells of a call, by its own clock."""

    result: Packed | None
    began: float
    ended: float
    thread: int
    failure: Failure | None = None


def call(carried: Carried, item: Any) -> Ran:
    """Dask task: the call's result, and when it was made; what goes wrong is told, since Dask can't send all of it."""
    thread = threading.get_ident()
    _under_way.begin(thread, carried.map)
    try:
        return _call(carried, item)
    finally:
        _under_way.finish(thread)


def _call(carried: Carried, item: Any) -> Ran:
    began = time.perf_counter()

    def failed(what: str, message: str, text: str = "") -> Ran:
        return Ran(None, began, time.perf_counter(), threading.get_ident(), Failure(what, message, text))

    try:
        function = carried.open()
    except BaseException as error:
        return failed("function", one_line(error))
    num_modules = len(sys.modules)
    try:
        with found_in(carried.imports):
            value = item.open() if isinstance(item, Packed) else item
    except BaseException as error:
        return failed("item", one_line(error))
    began = time.perf_counter()
    try:
        result = function(value)
    except BaseException as error:  # SystemExit too: it would end nothing but this call
        return failed("raised", one_line(error), _traceback(error))
    ended = time.perf_counter()
    if len(sys.modules) != num_modules:
        _see()
    try:
        return Ran(pack(result), began, ended, threading.get_ident())
    except BaseException as error:
        if asyncio.iscoroutine(result):
            result.close()  # else Python warns that nobody awaited it
        return failed("result", f"it is or holds {obstacle(result)} ({one_line(error)})")


def _traceback(error: BaseException) -> str:
    """The traceback of what a function raised, as text, from its own frames on: how it was called is none of its."""
    frames = error.__traceback__.tb_next if error.__traceback__ is not None else None
    with suppress(Exception):
        return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))
    return "".join(traceback.format_tb(frames))
