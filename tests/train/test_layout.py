"""Which ranks there are under each strategy."""

from __future__ import annotations

import pytest

from lepton_lab.errors import InputError
from lepton_lab.train import layouts
from lepton_lab.types import WorkerInfo

TWO = [WorkerInfo(f"w{i}", f"tcp://a:{i}", "a", 2, 0) for i in range(2)]
FOUR = [WorkerInfo(f"w{i}", f"tcp://{host}:{i}", host, 2 + (host == "b"), 0) for i, host in enumerate("abab")]


def shape(
    strategy: str, workers: list[WorkerInfo], limit: int | None = None
) -> list[tuple[str, list[tuple[str, int]]]]:
    found = layouts(strategy, workers, limit)
    return [(layout.strategy, [(place.worker.name, place.threads) for place in layout.places]) for layout in found]


def test_one_host() -> None:
    assert shape("single", TWO) == [("single", [("w0", 4)])]
    assert shape("multiworker", TWO) == [("multiworker", [("w0", 2), ("w1", 2)])]
    assert shape("averaging", TWO) == [("averaging", [("w0", 2), ("w1", 2)])]
    assert shape("auto", TWO) == [("single", [("w0", 4)]), ("multiworker", [("w0", 2), ("w1", 2)])]
    assert shape("auto", TWO, 1) == shape("auto", TWO[:1]) == [("single", [("w0", 2)])]


def test_all_devices_of_a_host() -> None:
    [layout] = layouts("mirrored", TWO)
    assert (layout.places[0].devices, layout.places[0].threads) == (2, 4)
    assert layout.title == "mirrored (4 threads)"


def test_several_hosts() -> None:
    single, by_host, by_worker = shape("auto", FOUR)
    assert single == ("single", [("w1", 6)])  # the host with most cores
    assert by_host == ("multiworker", [("w0", 4), ("w1", 6)])
    assert by_worker == ("multiworker", [("w0", 2), ("w2", 2), ("w1", 2), ("w3", 2)])


def test_workers_with_gpus_train_without_the_others() -> None:
    mixed = [*TWO, WorkerInfo("w2", "tcp://a:2", "a", 4, 0, device="gpu"), WorkerInfo("w3", "tcp://a:3", "a", 1, 0)]
    assert shape("auto", mixed) == [("single", [("w2", 4)])]
    assert shape("multiworker", mixed) == [("multiworker", [("w2", 4)])]
    other = [WorkerInfo("w0", "tcp://a:0", "a", 2, 0, device="fpga"), TWO[1]]
    assert shape("multiworker", other) == [("multiworker", [("w0", 2), ("w1", 2)])]


def test_no_worker() -> None:
    with pytest.raises(InputError, match="has no worker"):
        layouts("auto", [])
