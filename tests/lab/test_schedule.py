"""Plans, and a function on many items, from a lab."""

from __future__ import annotations

import importlib
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lepton_lab.errors import ClusterError, InputError
from lepton_lab.events import Event, Progress
from lepton_lab.lab import Lab
from lepton_lab.types import Machine, Task


def square(item: int) -> int:
    time.sleep(0.01)
    return item * item


def test_results_come_in_the_order_of_the_items(lab: Lab) -> None:
    told: list[Event] = []
    unsubscribe = lab.events.subscribe(told.append, Progress)
    assert lab.map(square, range(30)) == [n * n for n in range(30)]
    assert lab.map(square, [], seconds={"gpu": 1.0}) == []
    unsubscribe()
    assert [event.fraction for event in told if isinstance(event, Progress)][-1] == 1.0


def test_what_each_item_says_of_itself(lab: Lab) -> None:
    found = lab.map(
        square, [3, 1, 2], seconds=lambda n: {"cpu": n / 100}, priority=lambda n: n, deadline=lambda n: 60.0
    )
    assert found == [9, 1, 4]


def test_numbers_of_numpy_are_numbers(lab: Lab) -> None:
    found = lab.map(
        square,
        [3, 0, 2],
        seconds={"cpu": np.float32(0.01)},
        priority=lambda n: np.uint8(n),
        deadline=np.int64(60),
        demand=np.float16(5),
    )
    assert found == [9, 0, 4]
    assert lab.last_map is not None
    spans = sorted(lab.last_map.schedule().happened, key=lambda span: span.start)
    row = next(span.row for span in spans if span.name == "1")
    beside = [span.name for span in spans if span.row == row]
    assert beside[-1] == "1" and len(beside) > 1  # the lowest priority goes behind another, on either worker


def test_scaling_while_it_goes_on(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        lab.cluster.up(workers=1, threads=1, memory="300MB")
        told: list[Event] = []

        def scale(event: Event) -> None:
            told.append(event)
            if len(told) == 20:
                lab.cluster.scale(2)
            if len(told) == 60:
                lab.cluster.scale(1)

        unsubscribe = lab.events.subscribe(lambda event: scale(event) if event.task == "map" else None, Progress)
        assert lab.map(square, range(100)) == [n * n for n in range(100)]
        unsubscribe()


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


class Polars:
    """What a frame of Polars has of what tells it from a list."""

    columns = ("a",)

    def iter_rows(self) -> Iterator[tuple[int]]:
        return iter([(1,)])

    def __iter__(self) -> Iterator[list[int]]:
        return iter([[1]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"function": 3}, "function is 3: give a function"),
        ({"items": 3}, "items is 3, which can't be gone through"),
        ({"items": None}, "items is None"),
        ({"items": "abc"}, r"items is 'abc', a single str: give a list of items, such as \['abc'\]"),
        ({"items": b"abc"}, "a single bytes"),
        ({"items": {"a": 1}}, "items is a dict: give list"),
        ({"items": pd.DataFrame({"a": [1]})}, "items is a table: give its rows"),
        ({"items": itertools.count()}, "items gave 1,000,001 and has more: does it end"),
        ({"items": (bytes(10**9) for _ in itertools.count())}, "more than fits into memory"),
        ({"items": [1, threading.Lock()]}, "Item 1 can't be sent to a worker"),
        ({"function": lambda item: threading.Lock()}, "result of item . can't be sent back from worker w.: .* a lock"),
        ({"seconds": {"gpu": 1.0}}, r"Item 0 needs gpu, but the cluster has w0 \(cpu\), w1 \(cpu\)"),
        ({"seconds": {}}, "seconds of item 0 are {}"),
        ({"seconds": {"cpu": -1}}, "by kind of device"),
        ({"seconds": lambda n: 4.0}, "seconds of item 0 are 4.0"),
        ({"demand": "2GB"}, "demand of item 0 is '2GB': give bytes"),
        ({"demand": float("nan")}, "demand of item 0 is nan"),
        ({"seconds": {1: 2.0}}, r"seconds of item 0 are \{1: 2.0\}"),
        ({"seconds": {"cpu": float("nan")}}, "by kind of device"),
        ({"priority": "high"}, "priority of item 0 is 'high': give a number; higher ones go first"),
        ({"priority": None}, "priority of item 0 is None"),
        ({"priority": lambda n: None if n else 1}, "priority of item 1 is None"),
        ({"priority": float("nan")}, "priority of item 0 is nan"),
        ({"deadline": "soon"}, "deadline of item 0 is 'soon': give seconds from now, such as 60"),
        ({"deadline": lambda n: float("nan")}, "deadline of item 0 is nan"),
        ({"deadline": lambda n: Mute()}, "deadline of item 0 is a Mute"),
        ({"items": Mute()}, "items is a Mute, which can't be gone through"),
        ({"items": pa.table({"a": [1]})}, r"items is a table: give its rows, such as list\(table.to_pylist\(\)\)"),
        ({"items": Polars()}, r"items is a table: give its rows, such as list\(table.iter_rows\(\)\)"),
        ({"demand": lambda n: n * 5e9}, "Item 1 asks for 5.0 GB of memory, but the largest worker for it has 2.0 GB"),
    ],
)
def test_what_can_not_be_done_is_said(lab: Lab, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        lab.map(**{"function": square, "items": range(3), **arguments})


def test_a_plan_for_the_cluster_and_for_machines_that_are_not_there(lab: Lab) -> None:
    tasks = [Task(f"t{n}", {"cpu": 2.0, "gpu": 1.0}) for n in range(4)]
    plan = lab.plan(tasks)
    assert (plan.machines, plan.makespan, plan.gap) == (("w0", "w1"), 4.0, 0.0)
    assert lab.plan(tasks, [Machine("a"), Machine("b", "gpu")]).makespan == 3.0


def test_without_a_cluster(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab, pytest.raises(ClusterError, match="No cluster is up"):
        lab.map(square, range(3))


def test_the_last_map_is_told(lab: Lab) -> None:
    lab.map(square, range(12), seconds={"cpu": 0.01})
    schedule = lab.schedule()
    assert (schedule.state, schedule.done) == ("done", 12) and schedule.planned is not None
    assert {row[0] for row in schedule.table().rows} == {"w0", "w1"}
    assert "12 of 12 calls after" in str(schedule) and "planned 60 ms, bound 60 ms, took" in str(schedule)
    assert " on w0: " in schedule._repr_html_() and "<img" in schedule._repr_html_()


def test_no_map_yet(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab, pytest.raises(InputError, match=r"No lab.map has run yet"):
        lab.schedule()


def test_data_on_workers(lab: Lab) -> None:
    client = lab.cluster.handle.client
    items = [client.scatter(n, hash=False) for n in range(6)]
    assert lab.map(square, items) == [n * n for n in range(6)]
    assert lab.map(square, [client.submit(square, 2), 3]) == [16, 9]


def test_a_result_that_can_not_be_sent_is_said_at_the_first_try(lab: Lab, tmp_path: Path) -> None:
    def rows(item: int) -> Iterator[int]:
        (tmp_path / "called").open("a").write("x")
        return (n for n in range(item))

    with pytest.raises(InputError, match=r"result of item 0 can't be sent back from worker w.: it is or holds a gen"):
        lab.map(rows, [1])
    time.sleep(0.3)
    assert (tmp_path / "called").read_text() == "x"


def test_a_module_that_was_edited_is_called_as_it_is_here(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for result in (11, 1010):
        (tmp_path / "own_edited.py").write_text(f"class Row:\n    n = {result}\ndef f(x): return Row\n")
        module = importlib.reload(sys.modules["own_edited"]) if "own_edited" in sys.modules else None
        module = module or importlib.import_module("own_edited")
        (found,) = lab.map(module.f, [0])
        assert found is module.Row and found.n == result
    sys.modules.pop("own_edited")


def of_a_package(item: int) -> object:
    from own_package import part

    return part.V


def of_another(item: int) -> object:
    import own_user

    return own_user.f()


def of_an_own_package(item: int) -> object:
    import own_outer

    return own_outer.V


def of_a_folder(item: int) -> object:
    from own_folder import part

    return part.V


@pytest.mark.parametrize(
    ("function", "edited", "others"),
    [
        (of_a_package, "own_package/part.py", {"own_package/__init__.py": ""}),
        (of_another, "own_used.py", {"own_user.py": "from own_used import V\ndef f(): return V\n"}),
        (of_an_own_package, "own_outer/inner.py", {"own_outer/__init__.py": "from .inner import V\n"}),
        (of_a_folder, "own_folder/part.py", {}),
    ],
)
def test_what_took_something_from_an_edited_module_is_imported_anew(
    lab: Lab,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    function: Callable[[int], object],
    edited: str,
    others: dict[str, str],
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / edited).parent.mkdir(exist_ok=True)
    for name, text in others.items():
        (tmp_path / name).write_text(text)
    for value in (1, 2):  # of equal length, and within a second, as when all cells are run
        (tmp_path / edited).write_text(f"V = {value}\n")
        assert lab.map(function, range(4)) == 4 * [value]


OWN_KIND = """
import enum
FACTOR = 2
class Row:
    def __init__(self, n): self.n = n
    def times(self): return self.n * FACTOR
    class Part: pass
class Kind(enum.Enum):
    A = 1
def make(n): return Row(n)
"""


def test_a_class_that_the_function_imports_itself_is_the_same_here_and_there(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_kind.py").write_text(OWN_KIND)

    def of_its_import(item: int) -> object:
        import own_kind

        return own_kind.make(item), own_kind.Row.Part(), own_kind.Kind.A, own_kind.Row

    found = lab.map(of_its_import, [3])
    module = importlib.import_module("own_kind")
    found += lab.map(of_its_import, [3])
    for row, part, kind, itself in found:
        assert (type(row), type(part), itself) == (module.Row, module.Row.Part, module.Row)
        assert kind is module.Kind.A and row.n == 3

    def is_its_own(item: object) -> bool:
        from own_kind import Kind, Row

        return isinstance(item, Row) and item.kind is Kind.A and type(item) is module.Row  # type: ignore[attr-defined]

    row.kind = module.Kind.A
    assert lab.map(is_its_own, [row, row]) == [True, True]
    (row,) = lab.map(lambda item: module.make(item), [3])
    module.FACTOR = 5
    assert type(row) is module.Row and row.times() == 15  # what is here was not made anew by what came back
    sys.modules.pop("own_kind")


def made_again(file: Path) -> int:
    with file.open("a") as stream:
        stream.write("x")
    return 5


class Large:
    """What a function holds; each time that it is pickled or made again is noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        made_again(self.folder / "here")
        return made_again, (self.folder / "there",)


def test_what_a_function_holds_is_sent_once_to_each_worker(lab: Lab, tmp_path: Path) -> None:
    large = Large(tmp_path)

    def multiply(item: int) -> int:
        time.sleep(0.02)
        return large * item  # type: ignore[operator, no-any-return]  # it is a number there

    assert lab.map(multiply, range(40)) == [5 * n for n in range(40)]
    assert (tmp_path / "here").read_text() == "x" and (tmp_path / "there").read_text() in ("x", "xx")


def test_a_result_that_never_comes_is_not_made_for_ever(tmp_path: Path) -> None:
    """Its worker has not the memory to send it, and dies of that each time."""
    calls = tmp_path / "calls"

    def large(_: int) -> Any:
        import numpy as np

        with calls.open("a") as file:
            file.write("x")
        return np.ones(45_000_000)

    with Lab(tmp_path / "workspace") as lab:
        lab.cluster.up(workers=2, threads=1, memory="700MB", device="cpu")
        with pytest.raises(
            ClusterError, match=r"Item 0 was done 5 times, but its result never came .* return the path"
        ):
            lab.map(large, [1])
        assert calls.read_text() == "xxxxx"
        assert lab.map(square, [3]) == [9]
