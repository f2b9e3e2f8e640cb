"""A lab's status as plain values that go over a wire; the twin of `Summary` in `extension/src/state.ts`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lepton_lab.lab._server import server_root
from lepton_lab.types import Bundle, ClusterInfo, Run, Status, WorkerInfo


def summarize(status: Status, others: Sequence[ClusterInfo]) -> dict[str, Any]:
    """What the sidebar shows, as JSON-able values.

    Parameters
    ----------
    status
        The lab's.
    others
        The workspace's clusters that the lab is not connected to.
    """
    shards = {shard_set.dataset: len(shard_set.shards) for shard_set in status.shard_sets}
    root = server_root() if status.exports else None
    return {
        "cluster": _cluster(status.cluster),
        "clusters": [_other(cluster) for cluster in others],
        "devices": [
            {"worker": d.worker, "kind": d.kind, "name": d.name, "units": d.units, "memory": d.memory}
            for d in status.cluster.devices.devices
        ],
        "datasets": [
            {"name": d.name, "rows": sum(d.splits.values()), "shards": shards.get(d.name, 0)} for d in status.datasets
        ],
        "models": [
            {
                "name": m.name,
                "stage": m.stage,
                "parameters": m.num_parameters,
                "accuracy": m.metrics.get("test_accuracy"),
            }
            for m in status.models
        ],
        "runs": [_run(run) for run in status.runs],
        "exports": [_export(bundle, root) for bundle in status.exports],
    }


def _cluster(cluster: ClusterInfo) -> dict[str, Any]:
    return {
        "state": cluster.state,
        "name": cluster.name,
        "dashboard": cluster.dashboard,
        # one that lies in the workspace can be changed and ended from here, whichever kernel started it
        "is_own": cluster.folder is not None,
        "adapt": cluster.adapt,
        "workers": [_worker(worker) for worker in cluster.workers],
        "missing": [_worker(worker) for worker in cluster.missing],
    }


def _worker(worker: WorkerInfo) -> dict[str, Any]:
    return {
        "name": worker.name,
        "threads": worker.threads,
        "memory_limit": worker.memory_limit,
        "state": worker.state,
        "device": worker.device,
        "losses": worker.losses,
        "why": worker.why,
    }


def _other(cluster: ClusterInfo) -> dict[str, Any]:
    return {
        "name": cluster.name,
        "state": "running" if cluster.state == "running" else "dead",
        "workers": len(cluster.workers),
        "detached": cluster.detached,
        "address": cluster.address,
    }


def _run(run: Run) -> dict[str, Any]:
    losses, accuracies = run.history.get("loss", ()), run.history.get("accuracy", ())
    return {
        "id": run.id,
        "model": run.model,
        "dataset": run.dataset,
        "state": run.state,
        "epoch": len(losses),
        "epochs": run.epochs,
        "loss": losses[-1] if losses else None,
        "accuracy": accuracies[-1] if accuracies else None,
        "strategy": run.strategy,
        "restarts": run.restarts,
        "error": run.error,
        "can_resume": run.state in ("cancelled", "failed"),
    }


def _export(bundle: Bundle, root: Path | None) -> dict[str, Any]:
    path, url = str(bundle.path), ""
    if root is not None and bundle.path.resolve().is_relative_to(root):
        below = bundle.path.resolve().relative_to(root)
        path = below.as_posix()
        is_hidden = any(part.startswith(".") for part in below.parts)  # which the server refuses to give out
        url = "" if is_hidden or bundle.path.is_dir() else f"files/{quote(path)}"  # nor is a folder given out
    return {
        "name": bundle.path.name,
        "model": bundle.model,
        "format": bundle.format,
        "bytes": bundle.num_bytes,
        "path": path,
        "url": url,
    }
