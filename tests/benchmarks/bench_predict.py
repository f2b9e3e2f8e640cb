"""Answers to MNIST's test rows six times over, on two workers and by plain `tf_keras.Model.predict` with two threads.

Ours starts from the model's file each time; so does the first of the plain ones, in a process that has TensorFlow. The
second has the model loaded and traced already. Taken in turns, median of 5.

LEPTON_TEST_DATA=FOLDER python tests/benchmarks/bench_predict.py      # FOLDER/mnist holds the four IDX files
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from lepton_lab.lab import Lab

TURNS = 5
TIMES = 6
BATCH = 512


def plain(model_file: Path, rows_file: Path, line: Connection) -> None:
    """A process of its own: for each word on the line, seconds with and without loading the model."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tensorflow as tf
    import tf_keras

    tf.config.threading.set_intra_op_parallelism_threads(2)
    rows = np.load(rows_file, mmap_mode="r")
    while line.recv():
        started = time.perf_counter()
        model = tf_keras.models.load_model(model_file, compile=False)
        model.predict(rows, batch_size=BATCH, verbose=0)
        loaded = time.perf_counter()
        answers = model.predict(rows, batch_size=BATCH, verbose=0)
        line.send((loaded - started, time.perf_counter() - loaded, answers))


def main() -> None:
    folder = Path(os.environ["LEPTON_TEST_DATA"]) / "mnist"
    with tempfile.TemporaryDirectory() as workspace, Lab(workspace) as lab:
        dataset = lab.data.load(folder, name="mnist")
        lab.cluster.up(workers=2, threads=1)
        lab.model.new("cnn", kind="cnn", data="mnist")
        rows = np.concatenate([np.load(dataset.folder / "test" / "x.npy")] * TIMES)
        np.save(Path(workspace) / "rows.npy", rows)
        line, far_end = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        arguments = (lab.model.show("cnn").file, Path(workspace) / "rows.npy", far_end)
        process = context.Process(target=plain, args=arguments, daemon=True)
        process.start()
        seconds: dict[str, list[float]] = {name: [] for name in ("ours", "loading", "loaded")}
        difference = 0.0
        for turn in range(TURNS + 1):  # the first one warms all of them up
            started = time.perf_counter()
            prediction = lab.predict("cnn", rows=rows)
            ours = time.perf_counter() - started
            line.send(True)
            loading, loaded, answers = line.recv()
            difference = max(difference, float(np.abs(answers - prediction.answers).max()))
            if turn:
                for name, value in (("ours", ours), ("loading", loading), ("loaded", loaded)):
                    seconds[name].append(value)
        line.send(False)
        process.join(10)
        print(f"{len(rows):,} rows, cnn, batches of {BATCH}, on {' and '.join(prediction.workers)}\n")
        print("| | rows/s | of plain, loading |\n|---|---|---|")
        rates = {name: len(rows) / statistics.median(values) for name, values in seconds.items()}
        for name, title in (
            ("ours", "`lab.predict`, two workers with one thread each"),
            ("loading", "plain `Model.predict`, two threads, loading the model first"),
            ("loaded", "plain `Model.predict`, two threads, model loaded and traced"),
        ):
            print(f"| {title} | {rates[name]:,.0f} | {rates[name] / rates['loading']:.2f} |")
        print(f"\nGreatest difference of an answer: {difference:.1g}")


if __name__ == "__main__":
    main()
