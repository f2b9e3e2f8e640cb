from __future__ import annotations

from lepton_lab.panels._picture import natural, styles


def test_names_come_in_a_persons_order() -> None:
    assert natural(["w10", "w2", "host-a", "w1", "2"]) == ["2", "host-a", "w1", "w2", "w10"]


def test_eighteen_workers_look_different() -> None:
    assert len(set(styles(f"w{i}" for i in range(18)).values())) == 18
