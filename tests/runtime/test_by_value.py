"""Code of the user's own in another process, with its source."""

from __future__ import annotations

import importlib
import json
import linecache
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest import MonkeyPatch

from lepton_lab.runtime import dumps, own_modules
from lepton_lab.runtime._code import add_source

CELL = """
def outer(x):
    def inner(y):  # the inner one
        return y * 2
    return inner(x)

class Kept:
    def method(self):  # a method
        return outer(4)
"""

LOAD = """
import inspect, pickle, sys, traceback
value = pickle.loads(sys.stdin.buffer.read())
print(value.__code__.co_filename if hasattr(value, "__code__") else "class")
print(inspect.getsource(value if hasattr(value, "__code__") else value.method))
"""


def of_a_cell() -> dict[str, Any]:
    """What a notebook's cell defines, whose text no file holds."""
    linecache.cache["<cell 7>"] = (len(CELL), None, CELL.splitlines(keepends=True), "<cell 7>")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(CELL, "<cell 7>", "exec"), namespace)
    return namespace


def elsewhere(value: Any, program: str = LOAD) -> str:
    done = subprocess.run([sys.executable, "-c", program], input=dumps(value), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_a_function_of_a_cell_keeps_its_file_and_text() -> None:
    said = elsewhere(of_a_cell()["outer"])
    assert said.startswith("<cell 7>\ndef outer(x):\n") and "# the inner one" in said


def test_a_class_of_a_cell_keeps_the_text_of_its_methods() -> None:
    assert "# a method" in elsewhere(of_a_cell()["Kept"])
    run = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read())().method())"
    assert elsewhere(of_a_cell()["Kept"], run) == "8\n"


def test_a_function_of_a_file_keeps_the_file_that_is_read() -> None:
    assert elsewhere(of_a_cell).startswith(str(Path(__file__)))


def test_the_text_of_a_cell_travels_once() -> None:
    assert dumps(of_a_cell()["Kept"]).count(b"# the inner one") == 1


CALL = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read())(3))"


def test_modules_of_ones_own_go_with_what_uses_them_as_they_are_now(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_first.py").write_text("import own_second\nFACTOR = 2\ndef g(x): return own_second.h(x) * FACTOR\n")
    (tmp_path / "own_second.py").write_text("import own_first\ndef h(x): return x + own_first.FACTOR\n")
    first = importlib.import_module("own_first")

    def outer(x: int) -> int:
        return int(first.g(x))

    assert elsewhere(outer, CALL) == "10\n"
    first.FACTOR = 3  # which no file says
    assert elsewhere(first.g, CALL) == "18\n"
    (tmp_path / "own_first.py").write_text("def g(x): return -x  # edited\n")
    importlib.reload(first)
    assert elsewhere(outer, CALL) == "-3\n"
    for name in ("own_first", "own_second"):
        sys.modules.pop(name)


def test_what_is_installed_goes_by_name() -> None:
    assert b"add_source" in dumps(add_source) and len(dumps(add_source)) < 200
    assert len(dumps(json.dumps)) < 100 and len(dumps(pytest.raises)) < 200
    assert not {"json", "pytest", "lepton_lab"} & set(own_modules())


def test_a_cached_function_goes_with_its_code() -> None:
    namespace = of_a_cell()
    exec("import functools\n@functools.lru_cache(maxsize=5)\ndef cached(x): return outer(x)", namespace)
    assert elsewhere(namespace["cached"], CALL) == "6\n"


def test_the_memory_of_arrays_is_not_copied() -> None:
    large, buffers = np.ones(100_000), []
    assert len(dumps(lambda: large, buffers.append)) < 5000
    assert buffers[0].raw().nbytes == large.nbytes
