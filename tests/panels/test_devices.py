from __future__ import annotations

import time

from lepton_lab import panels
from lepton_lab.events import AcceleratorLoad, ClusterChanged, WorkerLoad
from lepton_lab.panels._devices import measured
from tests.panels.conftest import Events, loads


def test_units() -> None:
    gpus = tuple(AcceleratorLoad("gpu", "H200", busy, 10**9, 10**11) for busy in (20.0, 60.0))
    load = WorkerLoad(
        "w0",
        150.0,
        2 * 10**9,
        0,
        read_bps=3e6,
        write_bps=5e5,
        accelerators=gpus,
        disk_read_bps=2e6,
        disk_write_bps=1e6,
    )
    plain = {"cpu": 150.0, "memory": 2.0, "received": 3.0, "sent": 0.5, "read": 2.0, "written": 1.0}
    assert measured(load) == {**plain, "accelerator": 40.0, "accelerator_memory": 2.0}
    assert "accelerator" not in measured(WorkerLoad("w0", 1.0, 1, 0))
    hot = tuple(AcceleratorLoad("gpu", "H200", power=300.0, temperature=degrees) for degrees in (50.0, 70.0))
    found = measured(WorkerLoad("w0", 1.0, 1, 0, accelerators=hot))
    assert (found["accelerator_power"], found["accelerator_temperature"]) == (600.0, 70.0)
    assert "accelerator" not in found and "accelerator_memory" not in found


def test_a_line_for_each_worker_and_the_peak_in_the_title(lab: Events) -> None:
    panel = panels.open(lab, "devices")
    lab.events.publish(ClusterChanged("demo", "running", 2))
    lab.events.publish(WorkerLoad("w1", 187.0, 10**9, 0))
    lab.events.publish(WorkerLoad("w0", 20.0, 3 * 10**9, 0))
    lab.events.publish(WorkerLoad("w1", 3.0, 10**9, 0))
    picture = panel._picture()
    assert picture.title == "Devices of demo: 2 workers, running"
    assert [plot.title for plot in picture.plots][:2] == [
        "CPU, % of a core (peak 187, w1)",
        "Memory, GB (peak 3.00, w0)",
    ]
    assert all([line.name for line in plot.lines] == ["w0", "w1"] for plot in picture.plots)
    assert len(picture.plots) == 6


def test_for_some_seconds_the_title_says_which_workers_came_and_went(lab: Events) -> None:
    panel = panels.open(lab, "devices")
    lab.events.publish(WorkerLoad("w0", 1.0, 1, 0))
    lost = "w1 was lost: it was killed by SIGKILL"
    lab.events.publish(ClusterChanged("demo", "running", 1, lost))
    assert panel._picture().title == f"Devices of demo: 1 worker, running; {lost}"
    lab.events.publish(ClusterChanged("demo", "running", 1))
    assert lost in panel._picture().title
    lab.events.publish(ClusterChanged("demo", "running", 1, "w2 has joined", time=time.time() - 60))
    assert panel._picture().title == "Devices of demo: 1 worker, running"


def test_gpus_add_their_plots(lab: Events) -> None:
    for event in loads(2, 3, num_gpus=2):
        lab.events.publish(event)
    picture = panels.open(lab, "devices")._picture()
    assert [plot.title.split(",")[0] for plot in picture.plots][6:] == [
        "GPU",
        "GPU memory",
        "GPU power",
        "GPU temperature",
    ]


def test_another_kind_of_device_has_its_name_and_two_kinds_have_none(lab: Events) -> None:
    lab.events.publish(
        WorkerLoad("w0", 1.0, 1, 0, accelerators=(AcceleratorLoad("fpga", "Alveo U50", temperature=44.0),))
    )
    panel = panels.open(lab, "devices")
    assert [plot.title for plot in panel._picture().plots][6:] == ["FPGA temperature, °C (peak 44, w0)"]
    lab.events.publish(WorkerLoad("w1", 1.0, 1, 0, accelerators=(AcceleratorLoad("gpu", "H200", power=90.0),)))
    assert [plot.title.split(",")[0] for plot in panel._picture().plots][6:] == ["Device power", "Device temperature"]


def test_a_worker_without_gpus_beside_one_with_them(lab: Events) -> None:
    for event in (*loads(1, 3, num_gpus=1), WorkerLoad("w1", 5.0, 1, 0)):
        lab.events.publish(event)
    panel = panels.open(lab, "devices")
    assert [[line.name for line in plot.lines] for plot in panel._picture().plots][5:7] == [["w0", "w1"], ["w0"]]
    assert "GPU power" in panel.svg()


def test_a_worker_that_has_gone_is_not_counted(lab: Events) -> None:
    now = time.time()
    for worker, moment in (("w0", now - 20), ("w1", now - 20), ("w0", now)):
        lab.events.publish(WorkerLoad(worker, 1.0, 1, 0, time=moment))
    panel = panels.open(lab, "devices")
    assert "1 worker" in panel._picture().title and "w1" not in str(panel)
    assert [line.name for line in panel._picture().plots[0].lines] == ["w0", "w1"]


def test_a_gpu_that_is_told_of_later_has_its_line(lab: Events) -> None:
    for event in (WorkerLoad("w0", 5.0, 1, 0, time=0.0), *loads(1, 3, num_gpus=1)):
        lab.events.publish(event)
    panel = panels.open(lab, "devices")
    assert [line.name for line in panel._picture().plots[6].lines] == ["w0"]
    assert panel._histories["w0"].rows()[-1][7] > 0


def test_the_table_has_last_values_and_peaks(lab: Events) -> None:
    for cpu in (90.0, 30.0):
        lab.events.publish(WorkerLoad("w0", cpu, 10**9, 0))
    table = panels.open(lab, "devices").table()
    assert table.rows == [
        ("w0", "30", "1.00", "0.00", "0.00", "0.00", "0.00"),
        ("peak", "90", "1.00", "0.00", "0.00", "0.00", "0.00"),
    ]


def test_another_cluster_begins_anew(lab: Events) -> None:
    for event in (ClusterChanged("a", "running", 3), *loads(3, 5), ClusterChanged("a", "down")):
        lab.events.publish(event)
    panel = panels.open(lab, "devices")
    assert "w2" in panel.svg()
    lab.events.publish(ClusterChanged("b", "starting"))
    lab.events.publish(WorkerLoad("w0", 1.0, 1, 0))
    assert [line.name for line in panel._picture().legend] == ["w0"]
