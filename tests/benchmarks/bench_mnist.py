"""All of MNIST on two workers: accuracy after three epochs, and how long each took.

LEPTON_TEST_DATA=FOLDER python tests/benchmarks/bench_mnist.py        # FOLDER/mnist holds the four IDX files
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from lepton_lab.lab import Lab


def main() -> None:
    folder = Path(os.environ["LEPTON_TEST_DATA"]) / "mnist"
    with tempfile.TemporaryDirectory() as workspace, Lab(workspace) as lab:
        lab.cluster.up(workers=2)
        lab.data.load(folder, name="mnist")
        lab.data.shard("mnist", shards=8)
        run = lab.train("cnn", "mnist", epochs=3)
        print("MNIST, cnn, two workers with one thread each, batch 64\n\n| epoch | seconds | examples/s | accuracy |")
        print("|---|---|---|---|")
        columns = (run.history[name] for name in ("seconds", "examples", "accuracy"))
        for epoch, (seconds, examples, accuracy) in enumerate(zip(*columns, strict=True), 1):
            print(f"| {epoch} | {seconds:.1f} | {examples / seconds:,.0f} | {accuracy:.4f} |")
        print(f"\nTest split: {run.metrics['test_accuracy']:.2%}")


if __name__ == "__main__":
    main()
