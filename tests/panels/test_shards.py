from __future__ import annotations

from pathlib import Path

from lepton_lab import panels
from lepton_lab.events import ClusterChanged, NamesChanged
from lepton_lab.lab import Lab
from lepton_lab.panels._shards import MOST_PARTS, unit_for
from tests.panels.conftest import Events, shards_of


def test_a_part_for_each_shard_on_each_worker_that_holds_it(lab: Events) -> None:
    lab.data.found = [shards_of("digits", [("w0",), ("w1",), ("w0", "w10")]), shards_of("faces", [("w1",), ()])]
    panel = panels.open(lab, "shards")
    assert "3 shards of" not in str(panel) and str(panel).startswith("5 shards of digits, faces")
    [plot] = panel._picture().plots
    assert plot.places == ("w0", "w1", "w10", "no worker")
    assert [(bar.place, bar.size, bar.words) for bar in plot.bars][:2] == [
        ("w0", 1.0, "digits, shard 0: 100 rows, 1.0 kB"),
        ("w0", 1.0, "digits, shard 2: 100 rows, 1.0 kB"),
    ]
    assert len({bar.color for bar in plot.bars}) == 2 and len(plot.bars) == 6
    assert ("w0", "digits", "0, 2", "200", "2.0 kB") in panel.table().rows


def test_it_is_read_again_when_names_or_the_cluster_change(lab: Events) -> None:
    panel = panels.open(lab, "shards")
    assert "yet" in str(panel)
    lab.data.found = [shards_of("digits", [("w0",)])]
    lab.events.publish(NamesChanged("model", "cnn"))
    assert "yet" in str(panel)
    lab.events.publish(NamesChanged("shard set", "digits"))
    assert "digits" in str(panel)
    lab.data.found = [shards_of("digits", [("w7",)])]
    lab.events.publish(ClusterChanged("demo", "running", 1))
    assert "w7" in str(panel)


def test_very_many_shards_are_drawn_together(lab: Events) -> None:
    lab.data.found = [shards_of("digits", [(f"w{i % 2}",) for i in range(MOST_PARTS + 2)])]
    panel = panels.open(lab, "shards")
    panel.svg()
    [plot] = panel._picture().plots
    assert [bar.words for bar in plot.bars] == ["digits, 201 shards: 20,100 rows, 201.0 kB"] * 2


def test_units() -> None:
    assert [unit_for(num)[0] for num in (0, 999, 1000, 5e6, 2e9, 3e13)] == ["B", "B", "kB", "MB", "GB", "GB"]


def test_a_real_labs_shards(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        panel = panels.open(lab, "shards")
        lab.data.load("digits")
        lab.data.shard("digits", shards=3)
        assert "0, 1, 2" in str(panel) and "no worker" in panel.svg()
