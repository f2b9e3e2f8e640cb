"""The session: what one verb makes, the next one finds."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import psutil
import pytest

from lepton_lab import forkserver
from lepton_lab.errors import ClusterError, ConversionError, InputError, UnknownNameError
from lepton_lab.events import NamesChanged
from lepton_lab.files import write_json
from lepton_lab.lab import Lab
from lepton_lab.magics._session import end_lab
from lepton_lab.train import write_run
from lepton_lab.types import Run


def tf_keras_file(folder: Path) -> bytes:
    """A small tf_keras model as its own `save` writes it, in a process that has TensorFlow."""
    import tf_keras

    layers = [tf_keras.Input((8, 8, 1)), tf_keras.layers.Flatten(), tf_keras.layers.Dense(10, activation="softmax")]
    tf_keras.Sequential(layers, name="mine").save(folder / "mine.keras")
    return (folder / "mine.keras").read_bytes()


class Model:
    """The class that all models of Keras derive from."""

    __module__ = "tf_keras.src.engine.training"


class Sequential(Model):
    """A Keras model as `model.add` looks at it, in a process that has no TensorFlow."""

    name, layers, built = "mine", (), True
    __module__ = "tf_keras.src.engine.sequential"

    def __init__(self, file: bytes) -> None:
        self._file = file

    def save(self, path: Path) -> None:
        path.write_bytes(self._file)

    def get_config(self) -> dict[str, object]:
        return {}

    def get_weights(self) -> list[np.ndarray]:
        return []


def test_a_new_lab_makes_nothing(tmp_path: Path) -> None:
    with Lab(tmp_path / "w") as lab:
        status = lab.status()
        assert (status.datasets, status.models, status.runs, status.exports) == ((), (), (), ())
        assert "none yet: %lepton data load digits" in str(lab.data.list())
    assert not (tmp_path / "w").exists()


def test_the_workspace_is_found_by_the_environment(tmp_path: Path) -> None:
    code = "from lepton_lab import Lab; print(Lab().workspace.folder)"
    import os
    import subprocess
    import sys

    environment = {**os.environ, "LEPTON_WORKSPACE": str(tmp_path / "there")}
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == str(tmp_path / "there")


def test_shards_are_placed_on_both_workers_alike(lab: Lab) -> None:
    shards = lab.data.shard("digits", shards=8)
    loads = {"w0": 0, "w1": 0}
    for shard in shards.shards:
        (node,) = shard.nodes
        loads[node] += shard.num_bytes
    assert max(loads.values()) - min(loads.values()) <= max(shard.num_bytes for shard in shards.shards)


def test_compress_and_export(lab: Lab, trained: str, tmp_path: Path) -> None:
    assert lab.model.show(trained).metrics["test_accuracy"] > 0.95
    pruned = lab.compress(trained, "prune", sparsity=0.7, epochs=4, batch_size=32)
    assert pruned.model.name == f"{trained}-pruned"
    assert ("convolution_2", "70.0 % zeros") in pruned.layers
    assert pruned.after.gzip_bytes < pruned.before.gzip_bytes / 2
    small = lab.compress(pruned.model.name, "quantize", scheme="int8")
    assert small.model.parent == pruned.model.name
    assert small.after.raw_bytes < pruned.after.raw_bytes / 2
    assert small.after.accuracy is not None and small.after.accuracy > 0.93
    measures = lab.model.measures()
    assert measures[small.model.name] == (small.after,) and measures[pruned.model.name] == (small.before,)
    assert [measure for measure in measures[trained] if measure.dataset == "digits"] == [pruned.before]
    assert lab.model.show(small.model.name).file.is_file()
    bundle = lab.export(small.model.name, "tflite", to=tmp_path / "small.tflite")
    assert bundle.path.stat().st_size == bundle.num_bytes == small.after.raw_bytes
    assert json.loads(bundle.manifest.read_text())["sha256"] == bundle.checksum
    assert bundle in lab.status().exports
    with pytest.raises(InputError, match=r"is int8 and can't be trained: train 'small-pruned' instead"):
        lab.train(small.model.name, "digits")
    with pytest.raises(ConversionError):
        lab.export(small.model.name, "keras", to=tmp_path / "small.keras")
    assert not (tmp_path / "small.keras").exists()


def test_an_untrained_model_is_not_compressed(lab: Lab) -> None:
    lab.model.new("fresh", kind="mlp", data="digits", hidden_size=8)
    with pytest.raises(InputError, match=r"has not been trained: %lepton train fresh --data digits"):
        lab.compress("fresh", "quantize")
    with pytest.raises(UnknownNameError, match="no technique 'squeeze'"):
        lab.compress("fresh", "squeeze")


def test_a_keras_model_of_the_notebook(lab: Lab, tmp_path: Path) -> None:
    model = lab.model.add(Sequential(forkserver.call(f"{__name__}:tf_keras_file", {"folder": tmp_path})))
    assert (model.name, model.kind, model.input_shape, model.output_shape) == ("mine", "added", (8, 8, 1), (10,))
    assert lab.train("mine", "digits", epochs=1).state == "done"
    copy = lab.model.add(lab.model.show("mine").file, name="copy")
    assert copy.num_parameters == model.num_parameters
    with pytest.raises(InputError, match="Got a int, expected a Keras model"):
        lab.model.add(3)
    with pytest.raises(InputError, match=r"There is no file .*nowhere\.keras"):
        lab.model.add("nowhere.keras")


def test_loading_again_replaces_and_drops_the_shards(lab: Lab) -> None:
    rows, labels = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    lab.data.load((rows, labels), name="pairs")
    lab.data.shard("pairs", shards=2)
    lab.data.load((rows[:10], labels[:10]), name="pairs")
    assert sum(lab.data.get("pairs").splits.values()) == 10
    assert "pairs" not in {shards.dataset for shards in lab.data.shard_sets()}
    assert "pairs" not in str(lab.data.drop("pairs"))


def test_names_and_events(lab: Lab) -> None:
    heard: list[Any] = []
    unsubscribe = lab.events.subscribe(heard.append, NamesChanged)
    lab.model.new("named", kind="mlp", data="digits", hidden_size=4)
    assert "named" in lab.names("model")
    lab.model.drop("named")
    unsubscribe()
    assert "named" not in lab.names("model")
    assert [(event.kind, event.name) for event in heard] == [("model", "named")] * 2
    assert lab.names("worker") == ("w0", "w1")


def test_the_summary_goes_over_a_wire(lab: Lab, trained: str) -> None:
    summary = json.loads(json.dumps(lab.summary()))
    assert summary["cluster"]["state"] == "running"
    assert {"name": "digits", "rows": 1797, "shards": 8} in summary["datasets"]
    assert any(model["name"] == trained and model["accuracy"] > 0.9 for model in summary["models"])
    assert summary["runs"][-1]["epochs"] > 0


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        (tmp_path / "models" / "broken").mkdir(parents=True)
        (tmp_path / "models" / "broken" / "model.json").write_text("{")
        with pytest.raises(Exception, match=r"model\.json is damaged"):
            lab.model.list()


def test_a_run_that_nobody_conducts_any_more_has_failed(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        folder = lab.workspace.path("runs", lab.workspace.claim_run("theirs"))
        write_run(Run("theirs-1", "m", "d", "running", folder, 3, 8, "single", ("w0",), 0.0))
        owner = psutil.Process().parent()
        assert owner is not None
        facts = {"host": socket.gethostname(), "pid": owner.pid}
        write_json(folder / "owner.json", facts | {"started": owner.create_time()})
        assert lab.run.show("theirs-1").state == "running"
        write_json(folder / "owner.json", facts | {"started": owner.create_time() - 1})
        assert lab.run.show("theirs-1").state == "failed"
        assert "run resume theirs-1" in lab.run.show("theirs-1").error
        with pytest.raises(InputError, match=r"theirs-1 is over: failed"):
            lab.run.stop("theirs-1")
        with pytest.raises(InputError, match=r"can't be gone on with: its settings\.json"):
            lab.cluster.up(workers=1, threads=1)
            lab.run.resume("theirs-1")


def in_a_fork(lab: Lab, cluster_is_told: bool) -> NoReturn:
    """Ends as code of the user's may end that a fork runs."""
    try:
        if cluster_is_told:
            with pytest.raises(ClusterError, match="was forked from the one that has the lab: make another Lab"), lab:
                lab.map(str, [1])
        lab.close()
        end_lab()
        code = 0
    except BaseException:
        code = 1
    sys.stdout.flush()
    os._exit(code)


def test_a_fork_that_ends_leaves_the_lab_alone(lab: Lab) -> None:
    before = forkserver.children(), sorted(lab.workspace.folder.iterdir())
    for cluster_is_told in (True, False):
        child = multiprocessing.get_context("fork").Process(target=in_a_fork, args=(lab, cluster_is_told))
        child.start()
        child.join(60)
        assert child.exitcode == 0
    assert lab.map(abs, [-1, -2]) == [1, 2] and lab.cluster.status().state == "running"
    assert (forkserver.children(), sorted(lab.workspace.folder.iterdir())) == before
