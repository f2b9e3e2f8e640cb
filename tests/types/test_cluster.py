"""How devices and clusters show themselves."""

from __future__ import annotations

from pathlib import Path

from lepton_lab.types import ClusterInfo, Device, DeviceTable, Sight, WorkerInfo

CPU = Device("w0", "cpu", "AMD EPYC 7763", 8, 4 * 10**9, "avx2", load=25.4, memory_used=10**9)
GPU = Device(
    "w0", "gpu", "NVIDIA H200", 1, 141 * 10**9, "driver 570", load=90.0, memory_used=7e9, power=351.5, temperature=58.0
)
SLICE = Device("w1", "gpu", "NVIDIA A100 MIG 1g.10gb", 1, 10**10, "driver 570", memory_used=1e9)


def test_columns_in_which_there_is_nothing_are_left_out() -> None:
    table = DeviceTable((CPU,)).table()
    assert tuple(table.header) == ("worker", "kind", "device", "cores", "memory", "used", "load", "")
    assert list(table.rows) == [("w0", "cpu", "AMD EPYC 7763", "8", "4.0 GB", "1.0 GB", "25 %", "avx2")]
    assert list(DeviceTable(()).table().rows) == []


def test_power_and_temperature_where_one_device_tells_them() -> None:
    table = DeviceTable((CPU, GPU, SLICE)).table()
    assert tuple(table.header)[5:9] == ("used", "load", "power", "temperature")
    assert [tuple(row)[3:9] for row in table.rows] == [
        ("8", "4.0 GB", "1.0 GB", "25 %", "-", "-"),
        ("-", "141.0 GB", "7.0 GB", "90 %", "352 W", "58 °C"),
        ("-", "10.0 GB", "1.0 GB", "-", "-", "-"),
    ]


def test_a_cluster_shows_the_same_table() -> None:
    info = ClusterInfo("lab", "running", "tls://x", devices=DeviceTable((CPU, GPU)))
    assert tuple(info.table().header) == tuple(DeviceTable((CPU, GPU)).table().header)
    assert "58 °C" in str(info)


def test_who_does_not_see_a_folder() -> None:
    seeing = WorkerInfo("w0", "tls://a:1", "10.0.0.1", 1, 0)
    far = [WorkerInfo(f"far-{number}", f"tls://b:{number}", "10.0.0.2", 1, 0) for number in range(3)]
    folder = Path("/data/lab")
    assert Sight(folder, (seeing, *far)).note == ""
    mend = "see /data/lab, or may not write there: mount it under the same path on 10.0.0.2"
    assert Sight(folder, (seeing,), (far[0],)).note == f"far-0 doesn't {mend}"
    assert Sight(folder, (seeing,), tuple(far)).note == f"far-0, far-1 and far-2 don't {mend}"
