import json
from pathlib import Path

import pytest

from lepton_lab.compress._drift import Drift
from lepton_lab.compress._explorer import write_node_data


def test_decibels_within_what_float32_can_tell(tmp_path: Path) -> None:
    file = tmp_path / "nodes.json"
    write_node_data(file, {"a;b": Drift(100.0, 1.0), "exact": Drift(1.0), "noise": Drift(0.0, 1.0)})
    found = json.loads(file.read_text(), parse_constant=pytest.fail)
    assert found["results"] == {"a;b": {"value": 20.0}, "exact": {"value": 144.5}, "noise": {"value": -144.5}}
    limits = [limit["value"] for limit in found["thresholds"]]
    assert limits == sorted(limits) and limits[-1] == 144.5


def test_what_was_there_stays_where_it_can_not_be_written(tmp_path: Path) -> None:
    file = tmp_path / "nodes.json"
    file.write_text("older")
    with pytest.raises(TypeError):
        write_node_data(file, {b"no name": Drift()})  # type: ignore[dict-item]
    assert file.read_text() == "older" and list(tmp_path.iterdir()) == [file]
