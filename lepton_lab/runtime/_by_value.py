"""Code of the user's own, pickled by value together with the source that it was written in.

cloudpickle takes a function or class of a notebook to another process, but not its source, and from version 3.1.3 on
not even the name of its file. Both are needed there: AutoGraph reads the source, to make a part of the graph of what
asks tensors (`if tf.reduce_sum(x) > 0`), and a traceback shows the user's own lines. So each code object takes its
file's name and text along, and is found by them wherever it is made again.

What modules of the user's own define goes by value too, also what they use of each other: another process may not find
them, or may have imported them before they were edited. Such a module is a `.py` file outside of what is installed.
With `by_name`, a class that the other process has under its name, since it works there or code that was sent imports
its module, is that one, as with pickle itself.
"""

from __future__ import annotations

import builtins
import dis
import functools
import importlib
import io
import linecache
import pickle
import sys
import sysconfig
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from lepton_lab.runtime._code import add_source

_OURS = str(Path(__file__).parents[1])
_lock = threading.RLock()
"""cloudpickle's list of what goes by value is one for the whole process."""
_modules: ContextVar[tuple[str, ...] | None] = ContextVar("_modules", default=None)
"""As `found_in` was told."""


def dumps(
    value: Any, buffers: Callable[[pickle.PickleBuffer], object] | None = None, *, by_name: set[str] | None = None
) -> bytes:
    """A function, class or object of the user's own as bytes that `pickle.loads` reads where this package is installed.

    Parameters
    ----------
    buffers
        Called with each large part, such as an array's memory, that is not to be copied into the bytes but given to
        `pickle.loads` as one of its `buffers`.
    by_name
        Takes the names of the modules that the code in it imports itself. Classes that are found by their names here
        are then looked for by these where it is read, in the modules that `found_in` names there; None for by value.

    Raises
    ------
    Exception
        Whatever a part of it raises that can't be pickled.
    """
    with io.BytesIO() as file, _own_by_value():
        _pickler()(file, buffers, by_name).dump(value)
        return file.getvalue()


def own_modules() -> dict[str, ModuleType]:
    """The modules of the user's own that this process has imported, by name."""
    return {
        name: module
        for name, module in tuple(sys.modules.items())
        if isinstance(file := getattr(module, "__file__", None), str) and _is_own(file) and name != "__main__"
    }


@cache
def _is_own(file: str) -> bool:
    if not file.endswith(".py") or file.startswith(_installed()):  # most modules, told without a look at the disk
        return False
    path = Path(file).resolve()
    if {"site-packages", "dist-packages"} & set(path.parts):
        return False
    return not any(path.is_relative_to(folder) for folder in _installed())


@cache
def _installed() -> tuple[str, ...]:
    """The folders of Python's own modules, of installed ones and of ours."""
    named = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
    return (f"{_OURS}/", *(f"{path}/" for name in named for path in dict.fromkeys((name, str(Path(name).resolve())))))


@cache
def _pickler() -> Any:
    """The class of cloudpickle's that adds the sources; made late, since cloudpickle isn't needed to import us."""
    import cloudpickle

    class Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]  # cloudpickle is untyped
        """Pickles each code object as a call of `_code`."""

        def __init__(self, file: Any, buffers: Any, by_name: set[str] | None) -> None:
            self._by_name_too = by_name
            known = cloudpickle.CloudPickler.dispatch_table
            self._bare = known[CodeType]
            self._by_name = known[ModuleType]
            self.dispatch_table = {  # which __init__ reads
                **known,
                CodeType: self._with_source,
                ModuleType: self._module,
                type(_is_own): _cached,
            }
            self._texts: dict[str, str] = {}
            super().__init__(file, buffer_callback=buffers)

        def reducer_override(self, obj: Any) -> Any:
            reduced = super().reducer_override(obj)
            is_known = self._by_name_too is None or not isinstance(obj, type)
            if is_known or not isinstance(reduced, tuple) or len(reduced) != 6:
                return reduced
            make, parts, state, _, _, fill = reduced
            if _named(obj.__module__, obj.__qualname__) is obj:
                make, parts = _class, (obj.__module__, obj.__qualname__, make, parts)
            return make, parts, (fill, state), None, None, _fill_class

        def _with_source(self, code: CodeType) -> Any:
            make, parts = self._bare(code)
            name = code.co_filename
            if self._by_name_too is not None:
                self._by_name_too.update(_imports(code))
            if name not in self._texts:  # one object for each file, so that pickle writes it once
                self._texts[name] = "".join(linecache.getlines(name))
            return _code, (make, parts, name, self._texts[name])

        def _module(self, module: ModuleType) -> Any:
            if module.__name__ not in cloudpickle.list_registry_pickle_by_value():
                return self._by_name(module)
            # Its content comes after the module itself, since functions in it may lead back to it.
            # It is copied at once: another thread may import something into the module meanwhile.
            content = {name: value for name, value in vars(module).copy().items() if name not in _MACHINERY}
            return ModuleType, (module.__name__,), content, None, None, _fill

    return Pickler


_MACHINERY = ("__builtins__", "__cached__", "__loader__", "__spec__")
"""What importing a module adds to it."""


def _fill(module: ModuleType, content: dict[str, Any]) -> None:
    vars(module).update(content, __builtins__=builtins)


def _imports(code: CodeType) -> Iterator[str]:
    """The modules that code imports itself, and what it takes from these, which may be modules."""
    module = ""
    for each in dis.get_instructions(code):
        if each.opname == "IMPORT_NAME":
            module = each.argval
            yield module
        elif each.opname == "IMPORT_FROM":
            yield f"{module}.{each.argval}"


@contextmanager
def found_in(modules: Collection[str]) -> Iterator[None]:
    """Have classes that are read in this block looked for by name in these modules alone; without it, in all."""
    before = _modules.set(tuple(modules))
    try:
        yield
    finally:
        _modules.reset(before)


def _named(module: str, qualname: str) -> Any:
    """What has this name in a module that is imported; None where nothing has."""
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def _class(module: str, qualname: str, make: Callable[..., Any], parts: tuple[Any, ...]) -> Any:
    """The class of that name here, or else one that is still to be filled."""
    modules, found = _modules.get(), None
    if modules is None or any(f"{module}.".startswith(f"{each}.") for each in modules):
        with suppress(Exception):  # whatever the module does
            importlib.import_module(module)
        found = _named(module, qualname)
    return found if isinstance(found, type) else make(*parts)


def _fill_class(kind: type, content: tuple[Callable[..., Any], Any]) -> None:
    fill, state = content
    if _named(kind.__module__, kind.__qualname__) is not kind:
        fill(kind, state)


def _cached(function: Any) -> Any:
    """A function under `functools.cache`, which pickle itself knows by its name only; it begins with an empty cache."""
    name = getattr(function, "__module__", None)
    if name != "__main__" and name not in own_modules():
        return str(function.__qualname__)
    return _cache_again, (function.__wrapped__, function.cache_parameters())


def _cache_again(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def _code(make: Any, parts: tuple[Any, ...], file: str, text: str) -> CodeType:
    """A code object as it was, whose source is known under its file's name."""
    if text and not Path(file).is_file():
        add_source(file, text)
    code: CodeType = make(*parts).replace(co_filename=file)
    return code


@contextmanager
def _own_by_value() -> Iterator[None]:
    """Have what the user's own modules define pickled with its code: the workers may not have it."""
    import cloudpickle

    with _lock:
        known = cloudpickle.list_registry_pickle_by_value()
        new = [module for name, module in own_modules().items() if name == module.__name__ and name not in known]
        for module in new:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            for module in new:
                cloudpickle.unregister_pickle_by_value(module)
