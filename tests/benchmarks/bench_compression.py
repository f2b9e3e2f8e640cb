"""What each way of making a small CNN smaller costs and gains, on MNIST's 10,000 test images.

LEPTON_TEST_DATA=FOLDER python tests/benchmarks/bench_compression.py [--seeds 3]    # FOLDER/mnist: the four IDX files

The CNN has 225,000 parameters (two convolutions, a dense layer of 64) and is trained anew for each seed. Sizes are
those of `.tflite` files, gzip at level 9; ratios are gzip to gzip and raw to raw, against the float32 file of the same
seed. Latencies are taken at the end, in turns, on one thread.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from lepton_lab.lab import Lab
from lepton_lab.types import CompressedModel, Measure

TRAINING = {"epochs": 5, "batch_size": 64}
"""Of the model."""
TUNING = {"epochs": 3, "batch_size": 64}
"""Of each technique that trains."""
STAGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "int8": ("", "quantize", {"scheme": "int8"}),
    "dynamic": ("", "quantize", {"scheme": "dynamic"}),
    "float16": ("", "quantize", {"scheme": "float16"}),
    "int4": ("", "quantize", {"scheme": "int4"}),
    "mixed": ("", "quantize", {"scheme": "mixed"}),
    "int16x8": ("", "quantize", {"scheme": "int16x8"}),
    "QAT": ("", "qat", {}),
    "2:4": ("", "prune", {"m_by_n": "2:4"}),
    "2:4 + dynamic": ("2:4", "quantize", {"scheme": "dynamic"}),
    "prune 0.8": ("", "prune", {"sparsity": 0.8}),
    "prune 0.8 + dynamic": ("prune 0.8", "quantize", {"scheme": "dynamic"}),
    "prune 0.9": ("", "prune", {"sparsity": 0.9}),
    "prune 0.9 + dynamic": ("prune 0.9", "quantize", {"scheme": "dynamic"}),
    "prune 0.9 + int4": ("prune 0.9", "quantize", {"scheme": "int4"}),
    "PQAT 0.9": ("prune 0.9", "qat", {}),
    "cluster 16": ("", "cluster", {"clusters": 16}),
    "CQAT 16": ("cluster 16", "qat", {}),
    "prune 0.9, cluster 16": ("prune 0.9", "cluster", {"clusters": 16}),
    "PCQAT 0.9, 16": ("prune 0.9, cluster 16", "qat", {}),
    "distill 0.5": ("", "distill", {"width": 0.5}),
    "distill 0.5 + int8": ("distill 0.5", "quantize", {"scheme": "int8"}),
}
"""By the variant's name: what it is made from, by which technique and settings."""


def one_seed(lab: Lab, seed: int) -> dict[str, Measure]:
    """Every variant's measure, and that of the float32 file as `fp32`."""
    source = f"cnn{seed}"
    lab.model.new(source, kind="cnn", data="mnist", seed=seed)
    lab.train(source, "mnist", seed=seed, strategy="multiworker", **TRAINING)
    measures: dict[str, Measure] = {}
    for number, (name, (parent, technique, settings)) in enumerate(STAGES.items()):
        of = f"{source}-{list(STAGES).index(parent)}" if parent else source
        tuning = {} if technique == "quantize" else TUNING
        made = lab.compress(of, technique, **settings, **tuning, seed=seed, name=f"{source}-{number}")
        assert isinstance(made, CompressedModel)
        measures.setdefault("fp32", made.before)
        measures[name] = made.after
        print(f"seed {seed}, {name}: {made.after.accuracy:.4f}, {made.after.gzip_bytes:,} bytes after gzip", flush=True)
    models = [lab.model.show(source), *(lab.model.show(f"{source}-{n}") for n in range(len(STAGES)))]
    arguments = {"models": models, "dataset": lab.data.get("mnist")}
    seconds = lab.call("lepton_lab.compress:latencies", arguments)
    return {
        name: Measure(**{**vars(measure), "latency": taken})
        for (name, measure), taken in zip(measures.items(), seconds, strict=True)
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(1, parser.parse_args().seeds + 1)
    with tempfile.TemporaryDirectory() as workspace, Lab(workspace) as lab:
        lab.cluster.up(workers=2, threads=1)
        lab.data.load(Path(os.environ["LEPTON_TEST_DATA"]) / "mnist", name="mnist")
        found = [one_seed(lab, seed) for seed in seeds]
    whole = [measures["fp32"] for measures in found]
    print(f"\nfp32: {' '.join(f'{100 * m.accuracy:.2f}' for m in whole if m.accuracy)} % for {len(whole)} seeds\n")
    print("| variant | accuracy, change in points (each seed) | raw x | gzip x | latency x | us | memory, MB |")
    print("|---|---|---|---|---|---|---|")
    for name in ("fp32", *STAGES):
        each = [measures[name] for measures in found]
        pairs = list(zip(whole, each, strict=True))
        changes = [100 * ((after.accuracy or 0) - (before.accuracy or 0)) for before, after in pairs]
        raw = mean(before.raw_bytes / after.raw_bytes for before, after in pairs)
        zipped = mean(before.gzip_bytes / after.gzip_bytes for before, after in pairs)
        faster = mean(before.latency / after.latency for before, after in pairs)
        micros, memory = mean(m.latency for m in each) * 1e6, mean(m.memory or 0 for m in each) / 1e6
        points = f"{mean(changes):+.2f} ({', '.join(f'{change:+.2f}' for change in changes)})"
        print(f"| {name} | {points} | {raw:.1f} | {zipped:.1f} | {faster:.1f} | {micros:.1f} | {memory:.1f} |")


if __name__ == "__main__":
    main()
