"""`%lepton plan` on files and on variables of the notebook."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lepton_lab import widgets
from lepton_lab.lab import Lab
from lepton_lab.types import Plan

TASKS = "name,cpu,demand\nTask1,7200,5\nTask2,14400,10\nTask3,21600,15\n"
NODES = "name,capacity\nNode1,10\nNode2,15\nNode3,20\n"
PARK = """
import random
random.seed(0)
work = [random.uniform(1, 10) for _ in range(100)]
tasks = [{"name": f"t{n}", "cpu": each, "gpu": each / 8, "tpu": each / 20} for n, each in enumerate(work)]
counts = {"cpu": 2, "gpu": 3, "tpu": 1}
machines = [{"name": f"{kind}{n}", "kind": kind} for kind, count in counts.items() for n in range(count)]
"""


@pytest.fixture
def files(ip: Any) -> None:
    Path("tasks.csv").write_text(TASKS)
    Path("nodes.csv").write_text(NODES)


def check(plan: Plan) -> None:
    """Task1 needs 5, Task2 10 and Task3 15 of what Node1 has 10 of, Node2 15 and Node3 20."""
    assert sorted(placement.task for placement in plan.placements) == ["Task1", "Task2", "Task3"]
    demand, capacity = {"Task1": 5, "Task2": 10, "Task3": 15}, {"Node1": 10, "Node2": 15, "Node3": 20}
    for node, room in capacity.items():
        assert sum(demand[placement.task] for placement in plan.of(node)) <= room
    assert plan.makespan == plan.bound == 21600


def test_three_nodes_with_core_hours(ip: Any, files: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert ip.run_cell("p = %lepton plan tasks.csv --machines nodes.csv").success
    check(ip.user_ns["p"])
    ip.run_cell("%lepton plan tasks.csv --machines nodes.csv")
    assert "done after 6 h: no plan is shorter" in capsys.readouterr().out


def test_frames_of_the_notebook(ip: Any, files: None) -> None:
    ip.run_cell("import pandas as pd\nt = pd.read_csv('tasks.csv'); n = pd.read_csv('nodes.csv')")
    assert ip.run_cell("p = %lepton plan t --machines n --limit 5").success
    check(ip.user_ns["p"])


def test_two_cpus_three_gpus_a_tpu_and_a_hundred_tasks(ip: Any) -> None:
    ip.run_cell(PARK)
    assert ip.run_cell("p = %lepton plan tasks --machines machines --limit 1").success
    plan = ip.user_ns["p"]
    assert Counter(placement.task for placement in plan.placements) == {f"t{n}": 1 for n in range(100)}
    assert plan.makespan <= 4 / 3 * plan.bound


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%lepton plan taks.csv --machines nodes.csv", "no variable and no file 'taks.csv' with tasks"),
        ("%lepton plan tasks.csv --machines tasks.csv", "There is no column 'cpu'"),
        ("%lepton plan tasks.csv", "No cluster is up"),
        ("%lepton schedule", "No lab.map has run yet"),
        ("%lepton plan tasks.csv --limit 0", "--limit is 0.0, expected a number greater than 0"),
        ("%lepton plan bad --machines nodes.csv", "Row 1 of the tasks ('a') has 'x' in the column 'cpu'"),
    ],
)
def test_what_can_not_be_planned_is_one_line(
    ip: Any, files: None, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    ip.run_cell("bad = [{'name': 'a', 'cpu': 'x'}]")
    assert not ip.run_cell(line).success
    captured = capsys.readouterr()
    assert message in captured.out + captured.err


def test_the_form(files: None, tmp_path: Path) -> None:
    with Lab(tmp_path / "w") as lab:
        form = widgets.open(lab, "plan", namespace={"mine": [{"name": "Node1"}]})
        assert isinstance(form, widgets.Form) and form.button.disabled
        form.fields["tasks"].control.value = "tasks.csv"
        form.fields["machines"].control.value = "mine"
        assert form.line == "%lepton plan tasks.csv --machines mine"
        form.run()
        assert form.wait(30) and isinstance(form.result, Plan) and form.result.makespan == 43200
        form.close()
