"""A rank that somebody started by hand: MultiWorkerMirroredStrategy where TF_CONFIG is set, without Lepton Lab.

For each line on its standard input it trains on, and answers with the milliseconds of a step:

    loop STEPS A_CALL       a loop of its own, so many steps in one call of a tf.function
    fit STEPS EPOCHS        Model.fit on a tf.data pipeline; the first of the epochs is not counted
    arrays ROWS EPOCHS      Model.fit on arrays in memory; the first of the epochs is not counted
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

WARM_UP = 20
"""Steps before a loop's time is taken."""


class Loop:
    """A training loop as one writes it by hand: a step's gradients summed over the ranks, loss and accuracy kept."""

    def __init__(self, strategy: Any, build: Callable[[], Any], dataset: Callable[[Any], Any], batch: int) -> None:
        import tensorflow as tf
        import tf_keras

        with strategy.scope():
            self.model = build()
            self.optimizer = tf_keras.optimizers.Adam()
        self.rows = iter(strategy.distribute_datasets_from_function(dataset))
        model, optimizer = self.model, self.optimizer
        losses = tf_keras.losses.sparse_categorical_crossentropy

        def learn(x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                answers = model(tf.cast(x, tf.float32), training=True)
                total = tf.reduce_sum(losses(y, answers))
                loss = total / batch
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            right = tf.reduce_sum(tf.cast(tf.equal(y, tf.argmax(answers, -1)), tf.float32))
            return tf.stack([total, right])

        @tf.function  # type: ignore[untyped-decorator]  # TensorFlow is untyped
        def one(rows: Any) -> Any:
            return strategy.run(learn, args=next(rows))

        @tf.function  # type: ignore[untyped-decorator]  # TensorFlow is untyped
        def several(rows: Any, count: Any) -> Any:
            sums = tf.zeros(2)
            for _ in tf.range(count):
                sums += strategy.run(learn, args=next(rows))
            return sums

        self.one, self.several = one, several

    def run(self, steps: int, a_call: int) -> float:
        """Milliseconds a step."""
        import tensorflow as tf

        count = tf.constant(a_call)

        def go(steps: int) -> None:
            for _ in range(steps // a_call):
                sums = self.one(self.rows) if a_call == 1 else self.several(self.rows, count)
            sums.numpy()

        go(WARM_UP)
        began = time.perf_counter()
        go(steps)
        return 1000 * (time.perf_counter() - began) / steps


def epoch_seconds(model: Any, epochs: int, **arguments: Any) -> float:
    """Mean seconds of the epochs of a fit after its first."""
    import tf_keras

    seconds: list[float] = []

    class Watch(tf_keras.callbacks.Callback):  # type: ignore[misc]  # tf_keras is untyped
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seconds.append(time.perf_counter() - self.began)

    model.fit(epochs=epochs, verbose=0, callbacks=[Watch()], **arguments)
    return statistics.mean(seconds[1:])


def main() -> None:
    rows_file, model_file, threads, batch_size = sys.argv[1:]
    import tensorflow as tf
    import tf_keras

    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(max(4, int(threads)))
    tf_keras.utils.set_random_seed(0)
    is_alone = "TF_CONFIG" not in os.environ
    strategy = tf.distribute.get_strategy() if is_alone else tf.distribute.MultiWorkerMirroredStrategy()
    batch = int(batch_size)
    with np.load(rows_file) as arrays:
        x, y = arrays["x"], arrays["y"]

    def dataset(context: Any) -> Any:
        mine = slice(context.input_pipeline_id, None, context.num_input_pipelines)
        whole = tf.data.Dataset.from_tensor_slices((x[mine], y[mine]))
        local = batch // context.num_replicas_in_sync
        return whole.shuffle(len(x), seed=0).repeat().batch(local, drop_remainder=True).prefetch(tf.data.AUTOTUNE)

    def build() -> Any:
        return tf_keras.models.load_model(model_file, compile=False)

    loop = None if is_alone else Loop(strategy, build, dataset, batch)
    with strategy.scope():
        fitted = build()
        fitted.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    for line in sys.stdin:
        kind, first, second = line.split()
        if kind == "loop":
            assert loop is not None
            answer = loop.run(int(first), int(second))
        elif kind == "fit":
            rows = strategy.distribute_datasets_from_function(dataset)
            answer = 1000 * epoch_seconds(fitted, int(second), x=rows, steps_per_epoch=int(first)) / int(first)
        else:
            count = int(first)
            seconds = epoch_seconds(fitted, int(second), x=x[:count], y=y[:count], batch_size=batch)
            answer = 1000 * seconds / -(-count // batch)
        print(answer, flush=True)
    os._exit(0)  # TensorFlow's own end may wait for the other rank


if __name__ == "__main__":
    main()
