"""A program, one rank of two: prune a model under MultiWorkerMirroredStrategy, and write what came of it.

Run as `python mwms_rank.py MODEL X Y RESULT`, with TF_CONFIG set; X and Y are `.npy` files.
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy as np
import tensorflow as tf
import tf_keras

from lepton_lab.compress._prune import Pruning

STEPS, BATCH = 30, 32


def main() -> None:
    model_file, x_file, y_file, result = map(Path, sys.argv[1:])
    tf.config.threading.set_intra_op_parallelism_threads(1)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    rank = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    x, y = np.load(x_file).astype("float32"), np.load(y_file)
    with strategy.scope():
        model = tf_keras.models.load_model(model_file, compile=False)
        hook = Pruning(sparsity=0.8)
        model = hook.prepare(model, STEPS)
        optimizer = tf_keras.optimizers.Adam(1e-3)
        loss = tf_keras.losses.SparseCategoricalCrossentropy(reduction="none")

    def replica(rows: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(loss(targets, model(rows, training=True))) / (2 * BATCH)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(value, variables), variables, strict=True))
        return value

    @tf.function
    def step(rows: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        return strategy.reduce("SUM", strategy.run(replica, (rows, targets)), axis=None)

    random = np.random.default_rng(rank)
    times = []
    for number in range(STEPS):
        rows = random.integers(0, len(x), BATCH)
        begin = time.perf_counter()
        hook.before_step(number)
        last = float(step(tf.constant(x[rows]), tf.constant(y[rows])))
        times.append(time.perf_counter() - begin)
    with strategy.scope():
        plain = hook.finish(model)
    kernels = [float(np.sum(np.asarray(weight, np.float64))) for weight in plain.get_weights()]
    answers = np.asarray(tf_keras.Model.predict_on_batch(plain, x[:200]))
    result.write_text(
        json.dumps(
            {
                "loss": last,
                "report": hook.report(plain),
                "sums": kernels,
                "step": float(np.median(times)),
                "accuracy": float((answers.argmax(1) == y[:200]).mean()),
            }
        )
    )


if __name__ == "__main__":
    main()
