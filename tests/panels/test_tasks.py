from __future__ import annotations

from lepton_lab import panels
from lepton_lab.events import ClusterChanged, WorkerLoad
from tests.panels.conftest import Events, loads


def test_a_plot_for_each_state_with_the_sum_of_the_moment(lab: Events) -> None:
    panel = panels.open(lab, "tasks")
    lab.events.publish(ClusterChanged("demo", "running", 2))
    for worker in ("w0", "w1"):
        lab.events.publish(WorkerLoad(worker, 1.0, 1, 0, tasks={"executing": 1, "memory": 1200}))
    picture = panel._picture()
    assert picture.title == "Dask's tasks on demo, running"
    assert [plot.title for plot in picture.plots] == [
        "Executing, tasks (now 2)",
        "Ready to run, tasks (now 0)",
        "Results in memory, tasks (now 2,400)",
    ]
    assert panel.table().rows == [("w0", 1, 0, 1200), ("w1", 1, 0, 1200)]


def test_another_cluster_begins_anew(lab: Events) -> None:
    panel = panels.open(lab, "tasks")
    panel.dock()
    for event in (ClusterChanged("a", "running"), *loads(3, 2), ClusterChanged("a", "down"), ClusterChanged("b", "up")):
        lab.events.publish(event)
    assert panel.is_live and not panel._picture().legend
    panel.close()
