"""Tasks and machines from tables, and what is said of tables that can't be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton_lab.errors import InputError
from lepton_lab.schedule import read_machines, read_tasks
from lepton_lab.types import Machine, Task

TASKS = """name,cpu,gpu,demand,priority,deadline,num_bytes,at
a,4,0.5,1.5,2,10,1000,n1;n2
b,8,,,,,,
"""
READ = (
    Task("a", {"cpu": 4.0, "gpu": 0.5}, 1.5, 2, 10.0, 1000, ("n1", "n2")),
    Task("b", {"cpu": 8.0}),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("text", [TASKS, "\ufeff" + TASKS, TASKS.replace(";", " ").replace(",", ";")])
def test_a_file(folder: Path, text: str) -> None:
    (folder / "tasks.csv").write_text(text)
    assert read_tasks("tasks.csv") == READ


def test_a_frame_and_lists(folder: Path) -> None:
    (folder / "tasks.csv").write_text(TASKS)
    assert read_tasks(pd.read_csv(folder / "tasks.csv")) == READ
    assert read_tasks(list(READ)) == READ
    assert read_tasks({"name": task.name, **task.seconds, "priority": task.priority} for task in READ) == (
        Task("a", READ[0].seconds, priority=2),
        READ[1],
    )
    assert read_tasks([{"name": "c", "seconds": {"tpu": np.float32(2)}, "at": ("n1",)}]) == (
        Task("c", {"tpu": 2.0}, at=("n1",)),
    )
    assert read_tasks([]) == ()


def test_machines(folder: Path) -> None:
    (folder / "m.csv").write_text("name,kind,capacity,ready,slowness,bytes_per_second\nx,gpu,10,1,2,1e6\n y ,,,,,\n")
    read = (Machine("x", "gpu", 10.0, 1.0, 2.0, 1e6), Machine("y"))
    assert read_machines("m.csv") == read_machines(read) == read
    assert read_machines(pd.DataFrame({"name": ["z"], "capacity": [None]})) == (Machine("z"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,cpu\na,1\nb,soon\n", r"Row 2 of t.csv \('b'\) has 'soon' in the column 'cpu', expected seconds"),
        ("name,cpu\na,-1\n", "has '-1' in the column 'cpu'"),
        ("name,cpu\na,inf\n", "has 'inf' in the column 'cpu'"),
        ("name,cpu,priority\na,1,0.5\n", "has '0.5' in the column 'priority', expected a whole number"),
        ("name,cpu,demand\na,1,x\n", "has 'x' in the column 'demand', expected a number from 0 on"),
        ("name,cpu,deadine\na,1,3\n", "has a column 'deadine': is 'deadline' meant"),
        ("name,seconds\na,1\n", "in the column 'seconds', expected a column for each kind of device"),
        ("name,cpu\na,\n", r"Row 1 of t.csv \('a'\) has no seconds"),
        ("task,cpu\na,1\n", r"Row 1 of t.csv has no name: .* \(it has task, cpu\)"),
        ("name,cpu\na,1,2\n", "Row 1 of t.csv has more cells than there are columns"),
        ('name,cpu\n"a,1\n', "can't be read as CSV"),
    ],
)
def test_what_is_wrong_in_tasks_is_named(folder: Path, text: str, message: str) -> None:
    (folder / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_tasks("t.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere.csv", "no variable and no file 'nowhere.csv' with tasks"),
        (3, r"The tasks are 3 \(int\): give a list of Task"),
        ({"name": "a"}, r"\(dict\): give a list"),
        ([Machine("a")], r"Row 1 of the tasks is Machine\(.* give a list of Task"),
        ([{"name": "a", "cpu": True}], r"Row 1 of the tasks \('a'\) has True in the column 'cpu'"),
        ([Task("a", {"cpu": 1.0}, demand=float("inf"))], "has inf in the column 'demand'"),
        ([{"name": "a", "cpu": 1, "at": 3}], "has 3 in the column 'at', expected names of machines"),
    ],
)
def test_what_is_no_table_is_named(folder: Path, source: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_tasks(source)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"name": "x", "slowness": 0}, "has 0 in the column 'slowness', expected a number above 0"),
        ({"name": "x", "bytes_per_second": "fast"}, "has 'fast' in the column 'bytes_per_second'"),
        ({"name": "x", "capcity": 3}, "There is no column 'capcity'. Did you mean 'capacity'. Row 1 of the machines"),
        ({"kind": "gpu"}, r"Row 1 of the machines has no name"),
    ],
)
def test_what_is_wrong_in_machines_is_named(row: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_machines([row])


def test_bytes_that_are_no_text(folder: Path) -> None:
    (folder / "t.csv").write_bytes(b"name,cpu\n\xff\xfe,1\n")
    with pytest.raises(InputError, match="can't be read as CSV"):
        read_tasks("t.csv")
