"""What the sidebar is told of a lab."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import time
from pathlib import Path

import pytest

from lepton_lab.cluster import up
from lepton_lab.files import write_json
from lepton_lab.lab import Lab
from lepton_lab.lab._server import server_root
from lepton_lab.lab._summary import summarize
from lepton_lab.train import write_run
from lepton_lab.types import Agreement, Bundle, ClusterInfo, Run, WorkerInfo
from lepton_lab.widgets._requests import NO_LAB


def run(folder: Path, state: str) -> Run:
    return Run(folder.name, "m", "d", state, folder, 3, 64, "multiworker", ("w0",), 1.0, restarts=2, error="why")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a notebook server that started this process."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("JPY_PARENT_PID", "77")
    write_json(tmp_path / "runtime" / "jpserver-77.json", {"root_dir": str(tmp_path / "root"), "token": "secret"})
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def export(lab: Lab, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    lab.workspace.add_bundle(Bundle("m", "tflite", path, path, 5, "", Agreement(1, 0.0, 1.0)))


def test_an_empty_lab_has_what_none_has(tmp_path: Path) -> None:
    with Lab(tmp_path / "w") as lab:
        assert lab.summary() == {**NO_LAB, "workspace": str(tmp_path / "w")}
    assert not (tmp_path / "w").exists()


def test_runs(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        for state in ("done", "failed", "cancelled"):
            folder = tmp_path / "runs" / f"m-{state}"
            folder.mkdir(parents=True)
            write_run(run(folder, state))
        (tmp_path / "runs" / "m-broken").mkdir()
        (tmp_path / "runs" / "m-broken" / "run.json").write_text("{")
        runs = json.loads(json.dumps(lab.summary()))["runs"]
    assert [(run["id"], run["can_resume"]) for run in runs] == [
        ("m-cancelled", True),
        ("m-done", False),
        ("m-failed", True),
    ]
    assert (runs[2]["strategy"], runs[2]["restarts"], runs[2]["error"]) == ("multiworker", 2, "why")


class TestExports:
    def test_below_the_servers_root_they_have_a_link(self, tmp_path: Path, server: Path) -> None:
        with Lab(tmp_path / "w") as lab:
            export(lab, server / "my work" / "a.tflite")
            export(lab, server / ".hidden" / "b.tflite")
            export(lab, tmp_path / "c.tflite")
            first, hidden, outside = lab.summary()["exports"]
        assert (first["path"], first["url"]) == ("my work/a.tflite", "files/my%20work/a.tflite")
        assert (hidden["path"], hidden["url"]) == (".hidden/b.tflite", "")
        assert (outside["path"], outside["url"]) == (str(tmp_path / "c.tflite"), "")

    def test_a_folder_has_none(self, tmp_path: Path, server: Path) -> None:
        with Lab(tmp_path / "w") as lab:
            export(lab, server / "context" / "model.tflite")
            (bundle,) = lab.workspace.bundles()
            lab.workspace.add_bundle(dataclasses.replace(bundle, path=server / "context"))
            links = {told["path"]: told["url"] for told in lab.summary()["exports"]}
        assert links == {"context/model.tflite": "files/context/model.tflite", "context": ""}

    def test_without_a_server_they_have_their_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
        assert server_root() is None
        with Lab(tmp_path / "w") as lab:
            export(lab, tmp_path / "a.tflite")
            assert (lab.summary()["exports"][0]["path"], lab.summary()["exports"][0]["url"]) == (
                str(tmp_path / "a.tflite"),
                "",
            )

    @pytest.mark.parametrize("record", ["", "{", "[]", "{}"])
    def test_a_servers_record_that_can_not_be_used(self, server: Path, record: str) -> None:
        assert server_root() == server.resolve()
        (server.parent / "runtime" / "jpserver-77.json").write_text(record)
        assert server_root() is None


class TestClusters:
    def test_ones_own(self, lab: Lab) -> None:
        summary = lab.summary()
        assert summary["cluster"]["is_own"]
        assert [(worker["name"], worker["device"]) for worker in summary["cluster"]["workers"]] == [
            ("w0", "cpu"),
            ("w1", "cpu"),
        ]
        assert {device["worker"] for device in summary["devices"]} == {"w0", "w1"}
        assert summary["clusters"] == []

    def test_workers_that_died_and_are_missing(self, tmp_path: Path) -> None:
        died = WorkerInfo("w0", "tcp://x", "h", 1, 0, losses=2, why="it ran out of memory")
        lost = WorkerInfo("w1", "", "", 1, 0, "lost", why="it can't be reached")
        with Lab(tmp_path) as lab:
            cluster = ClusterInfo("lab", "running", workers=(died,), missing=(lost,), adapt=(1, 3))
            told = summarize(dataclasses.replace(lab.status(), cluster=cluster), ())["cluster"]
        (here,), (missing,) = told["workers"], told["missing"]
        assert (here["name"], here["state"], here["losses"], here["why"]) == (
            "w0",
            "running",
            2,
            "it ran out of memory",
        )
        assert (missing["name"], missing["state"], missing["why"]) == ("w1", "lost", "it can't be reached")
        assert json.loads(json.dumps(told))["adapt"] == [1, 3]

    def test_one_that_does_not_answer_and_one_that_died(self, tmp_path: Path) -> None:
        with Lab(tmp_path) as lab:
            lab.cluster.up(workers=1, device="cpu", threads=1, memory="300MB")
            record = lab.cluster.handle._record
            assert record is not None
            os.kill(record.processes[0].pid, signal.SIGSTOP)
            began = time.monotonic()
            assert [worker["name"] for worker in lab.summary()["cluster"]["workers"]] == ["w0"]
            assert time.monotonic() - began < 0.2
            os.kill(record.processes[0].pid, signal.SIGKILL)
            while record.is_alive():
                time.sleep(0.01)
            began = time.monotonic()
            summary = lab.summary()
            assert time.monotonic() - began < 0.2
            assert summary["cluster"]["state"] == "down"
            assert [(other["name"], other["state"]) for other in summary["clusters"]] == [("lab", "dead")]
            assert record.folder.exists()

    def test_another_kernels(self, tmp_path: Path) -> None:
        other = up(tmp_path / "cluster", name="lab", workers=1, device="cpu", memory="300MB")
        try:
            with Lab(tmp_path) as lab:
                (told,) = lab.summary()["clusters"]
                assert (told["name"], told["state"], told["workers"], told["detached"]) == ("lab", "running", 1, False)
                assert told["address"] == other.info().address
                lab.cluster.attach()
                summary = lab.summary()
                assert (summary["clusters"], summary["cluster"]["is_own"]) == ([], True)
        finally:
            other.down()
