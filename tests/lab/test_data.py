"""Data sets by name, without a cluster."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lepton_lab import commands
from lepton_lab.lab import Lab

X = {"image": np.zeros((40, 4, 4), np.uint8), "table": np.arange(80.0).reshape(40, 2)}
Y = {"kind": np.arange(40) % 2, "tags": np.random.default_rng(0).integers(0, 2, (40, 3))}


@pytest.fixture
def own(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "workspace")


def test_several_inputs_and_targets_are_listed(own: Lab) -> None:
    own.data.load((X, Y, np.ones(40)), name="mixed")
    (row,) = own.data.list().rows
    assert row[2:4] == ("image (4, 4), table (2,)", "kind classes, tags labels")
    shards = own.data.shard("mixed", shards=4)
    assert shards.weighted and shards.num_rows == 32
    assert "input 'image'" in str(own.data.show("mixed"))
    assert own.data.get("mixed").weighted


def test_by_a_line(own: Lab, tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(20), "wet": [0, 1] * 10, "cold": 1, "much": np.arange(20)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    line = f"%lepton data load {tmp_path / 't.csv'} --label wet,cold --weight much"
    dataset = commands.run(own, *commands.read(line))
    assert (dataset.target.kind, dataset.target.classes) == ("labels", ("wet", "cold"))
    assert dataset.weighted and dataset.columns == ("a",)
    variables = {"x": X["table"], "y": Y["kind"], "w": np.ones(40)}
    dataset = commands.run(own, *commands.read("%lepton data load x,y --weights w --name pairs", variables))
    assert (dataset.name, dataset.weighted) == ("pairs", True)
