"""The main job on real data, without a notebook: `python -m lepton_lab.demo [WORKSPACE]`, or `make demo`.

The lines are those that a notebook would have; each is printed, run and followed by what it gave.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from lepton_lab import commands
from lepton_lab.display import duration
from lepton_lab.events import EpochEnded, Event, Progress
from lepton_lab.lab import Lab
from lepton_lab.types import Bundle, CompressedModel, Run

LINES = (
    "%lepton cluster up --workers 2",
    "%lepton data load digits",
    "%lepton data shard digits --shards 8",
    "%lepton train cnn --data digits --epochs 20 --batch-size 32 --strategy multiworker",
    "%lepton compress cnn prune --sparsity 0.8 --epochs 10 --batch-size 32",
    "%lepton compress cnn-pruned quantize --scheme int8",
    "%lepton export cnn-pruned-int8 tflite",
    "%lepton cluster down",
)
WIDTH = 100


def show(event: Event) -> None:
    """Print an event's line, as a terminal shows progress."""
    if isinstance(event, EpochEnded):
        logs = event.logs
        print(
            f"  epoch {event.epoch}: loss {logs['loss']:.4f}, accuracy {logs['accuracy']:.4f}, "
            f"{logs['examples'] / logs['seconds']:,.0f} examples/s",
            flush=True,
        )
    elif isinstance(event, Progress):
        print(f"  {event.message}", flush=True)


def main(workspace: Path | str | None = None) -> None:
    """Run the lines, and say at the end what came out."""
    results = []
    started = time.monotonic()
    with Lab(workspace) as lab:
        lab.events.subscribe(show, EpochEnded, Progress)
        for line in LINES:
            print(f"\n{line}\n" + "-" * min(len(line), WIDTH), flush=True)
            before = time.monotonic()
            verb, arguments = commands.read(line)
            results.append(commands.run(lab, verb, arguments))
            print(f"{results[-1]}\n  ({duration(time.monotonic() - before)})", flush=True)
    run = next(result for result in results if isinstance(result, Run))
    first, last = (result for result in results if isinstance(result, CompressedModel))
    bundle = next(result for result in results if isinstance(result, Bundle))
    assert first.before.accuracy is not None and last.after.accuracy is not None
    print(f"""
What came out, in {duration(time.monotonic() - started)}
  trained on {len(run.workers)} workers: {first.before.accuracy:.2%} right on rows it had not seen
  pruned to 80 % zeros and quantised to int8: {last.after.accuracy:.2%}, \
{(last.after.accuracy - first.before.accuracy) * 100:+.2f} points
  gzip size {first.before.gzip_bytes:,} -> {last.after.gzip_bytes:,} bytes, \
{first.before.gzip_bytes / last.after.gzip_bytes:.1f} times smaller
  {bundle.path}: checked on {bundle.agreement.rows} rows""")


if __name__ == "__main__":
    main(*sys.argv[1:2])
