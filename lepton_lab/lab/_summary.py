"""A lab's status as plain values that go over a wire."""

from __future__ import annotations

from typing import Any

from lepton_lab.types import Run, Status


def summarize(status: Status) -> dict[str, Any]:
    """What the sidebar shows, as JSON-able values."""
    cluster = status.cluster
    shards = {shard_set.dataset: len(shard_set.shards) for shard_set in status.shard_sets}
    return {
        "cluster": {
            "state": cluster.state,
            "name": cluster.name,
            "address": cluster.address,
            "dashboard": cluster.dashboard,
            "workers": [
                {"name": w.name, "threads": w.threads, "memory_limit": w.memory_limit, "state": w.state}
                for w in cluster.workers
            ],
        },
        "devices": [
            {"worker": d.worker, "kind": d.kind, "name": d.name, "units": d.units, "memory": d.memory}
            for d in cluster.devices.devices
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
        "exports": [
            {"name": b.path.name, "model": b.model, "format": b.format, "bytes": b.num_bytes} for b in status.exports
        ],
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
    }
