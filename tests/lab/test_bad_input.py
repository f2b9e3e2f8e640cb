"""Bad input, as lines: one clear sentence each, and the lab is what it was before."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepton_lab import commands
from lepton_lab.errors import LeptonError
from lepton_lab.lab import Lab

LINES = [
    ("%lepton clutser up", "Did you mean 'cluster'"),
    ("%lepton cluster upp", "Did you mean 'cluster up'"),
    ("%lepton train small --data digits --epoch 3", "Did you mean '--epochs'"),
    ("%lepton train smal --data digits", "Did you mean 'small'"),
    ("%lepton train small --data digts", "Did you mean 'digits'"),
    ("%lepton train small --data digits --epochs many", "many"),
    ("%lepton train small --data digits --workers 0", "workers"),
    ("%lepton data load {}/nothing.csv", "nothing.csv"),
    ("%lepton data load {}/empty.csv --label y", "empty.csv"),
    ("%lepton data load {}/table.csv --label z", "'z'"),
    ("%lepton data load {}/binary.csv --label y", "binary.csv"),
    ("%lepton data load {}/holes.csv --label y", "y"),
    ("%lepton data shard digits --shards 5000", "5000"),
    ("%lepton data shard digits --by colour", "colour"),
    ("%lepton cluster up --workers 2", "up already"),
    ("%lepton cluster scale 0", "0"),
    ("%lepton compress small prune --sparsity 1.0", "1"),
    ("%lepton compress small quantize --scheme int9", "int9"),
    ("%lepton export small tflite --to {}/table.csv/x.tflite", "table.csv"),
    ("%lepton export small onyx", "onyx"),
    ("%lepton export small onnx --to {}/table.csv/x.onnx", "table.csv"),
    ("%lepton export small container --to {}/table.csv/folder", "table.csv"),
    ("%lepton export small saved_model --to {}", "holds something else"),
    ("%lepton export small container --to {}/x.onnx", "x.onnx"),
    ("%lepton model add {}/table.csv", "table.csv"),
    ("%lepton model add {}", "saved_model.pb"),
    ("%lepton evaluate small --split held", "held"),
    ("%lepton evaluate small --against smal", "Did you mean 'small'"),
    ("%lepton evaluate {}/table.csv --data digits", "table.csv"),
    ("%lepton evaluate {}/table.csv", "table.csv can't be run"),
    ("%lepton explain small --method grad_kam", "Did you mean 'grad_cam'"),
    ("%lepton explain small --rows 0", "rows"),
    ("%lepton explain small --split held", "held"),
    ("%lepton explain small --method grad_cam --steps 9", "--steps does not apply"),
    ("%lepton explain small --label ten", "no class 'ten'"),
    ("%lepton predict small --split held", "held"),
    ("%lepton predict small --rows nosuch", "nosuch"),
    ("%lepton predict small --to {}/none/a.npy", "none"),
    ("%lepton predict small --to {}/table.csv/a.npy", "table.csv"),
    ("%lepton predict small --to {}/table.csv", ".npy"),
    ("%lepton model new 'no/slash' --data digits", "no/slash"),
    ("%lepton model new x --kind rnn --data digits", "rnn"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "empty.csv").write_text("")
    (folder / "table.csv").write_text("x,y\n1,0\n2,1\n3,0\n4,1\n")
    (folder / "holes.csv").write_text("x,y\n1,0\n2,\n3,0\n4,1\n")
    (folder / "binary.csv").write_bytes(bytes(range(256)) * 8)
    return folder


def tree(folder: Path) -> dict[str, int]:
    """Every file below a folder with its time of change; logs of live processes and runs' records aside."""
    return {
        str(path): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and "cluster" not in path.relative_to(folder).parts
    }


@pytest.mark.parametrize(("line", "word"), LINES, ids=lambda value: value)
def test_one_line_and_nothing_changed(lab: Lab, trained: str, files: Path, line: str, word: str) -> None:
    before = tree(lab.workspace.folder)
    with pytest.raises(LeptonError) as caught:
        verb, arguments = commands.read(line.format(files))
        commands.run(lab, verb, arguments)
    message = str(caught.value)
    assert word in message
    assert "\n" not in message
    assert tree(lab.workspace.folder) == before
    assert len(lab.cluster.status().workers) == 2


def test_down_twice(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        with pytest.raises(LeptonError, match="No cluster is up"):
            lab.cluster.down()
        lab.data.load(([[0.0], [1.0]] * 10, [0, 1] * 10), name="pairs")
        with pytest.raises(LeptonError, match="No cluster is up"):
            lab.train("mlp", "pairs")
        assert lab.model.names() == ()
