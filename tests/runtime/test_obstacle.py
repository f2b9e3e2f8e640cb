"""What keeps a value from being pickled is told by its author's names."""

from __future__ import annotations

import functools
import threading
from typing import Any

import pytest

from lepton_lab.runtime import obstacle

lock = threading.Lock()


class Holder:
    def __init__(self) -> None:
        self.guard = lock

    def method(self, item: int) -> int:
        return item


def with_global(item: int) -> bool:
    return lock.locked()


def with_default(item: int, guard: Any = lock) -> int:
    return item


def enclosing(value: Any) -> Any:
    return lambda item: (value, item)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (lock, "a lock"),
        (iter_ := (n for n in "ab"), "a generator"),
        (with_global, "`lock`, a lock"),
        (with_default, "`guard`, a lock"),
        (enclosing(iter_), "`value`, a generator"),
        (enclosing({"a": [1, lock]}), "`value['a'][1]`, a lock"),
        (enclosing(with_global), "`value.lock`, a lock"),
        (functools.partial(with_default, guard=lock), "`guard`, a lock"),
        ([1, lock], "`[1]`, a lock"),
        (Holder().method, "`self`, a Holder"),
    ],
)
def test_it_is_named(value: Any, said: str) -> None:
    assert obstacle(value) == said
