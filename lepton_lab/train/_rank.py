"""A rank's process: TensorFlow, its share of every step, and the sums that it reports."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lepton_lab.files import replacing_file
from lepton_lab.forkserver._child import Channel, resolve
from lepton_lab.runtime import load_keras
from lepton_lab.train import _order
from lepton_lab.train._job import Job, Seat

if TYPE_CHECKING:
    import tf_keras

REPORT_SECONDS = 0.2
"""How often a rank reports."""
MOST_STEPS_A_CALL = 64
"""Bounds how long a run goes on after it was told to stop."""


class Hook(Protocol):
    """What changes a model for the time of its training, such as pruning."""

    def prepare(self, model: tf_keras.Model, total_steps: int) -> tf_keras.Model:
        """The model to train instead; called under the strategy's scope."""

    def before_step(self, step: int) -> None:
        """Called on the host before each step, counted over all epochs from 0."""

    def finish(self, model: tf_keras.Model) -> tf_keras.Model:
        """The model to save."""

    def report(self, model: tf_keras.Model) -> list[tuple[str, str]]:
        """Per layer of the finished model: its name, and what was done to it or why nothing was."""


def environment(seat: Seat) -> dict[str, str]:
    """What a rank's process needs in its environment before TensorFlow touches a device."""
    variables = {"TF_USE_LEGACY_KERAS": "1", "OMP_NUM_THREADS": str(seat.threads)}
    if seat.world > 1:
        task = {"cluster": {"worker": list(seat.addresses)}, "task": {"type": "worker", "index": seat.rank}}
        variables["TF_CONFIG"] = json.dumps(task)
    return variables


def run_rank(job: Job, seat: Seat, channel: Channel) -> dict[str, Any]:
    """Train; the first rank writes the model to `job.output`.

    Returns
    -------
    dict
        `test`: sums over this rank's share of the test rows (loss, metric, rows); `layers`: the hook's report.
    """
    import tensorflow as tf
    import tf_keras

    tf.config.threading.set_intra_op_parallelism_threads(seat.threads)
    tf.config.threading.set_inter_op_parallelism_threads(max(4, seat.threads))
    tf_keras.utils.set_random_seed(job.seed)
    channel.send("event", {"type": "joining"})
    strategy = tf.distribute.MultiWorkerMirroredStrategy() if seat.world > 1 else tf.distribute.get_strategy()
    hook: Hook | None = resolve(job.hook)(**job.hook_options) if job.hook else None
    with strategy.scope():
        model = load_keras(job.model_file)
        if hook is not None:
            model = hook.prepare(model, job.steps * job.epochs)
        optimizer = tf_keras.optimizers.get(
            {
                "class_name": job.optimizer,
                "config": {"learning_rate": job.learning_rate, "is_legacy_optimizer": False},
            }
        )
        optimizer.build(model.trainable_variables)
    trainer = Trainer(job, seat, channel, strategy, hook)
    trainer.train(model, optimizer)
    if hook is not None:
        with strategy.scope():
            model = hook.finish(model)
    test = trainer.test(model)
    channel.send("event", {"type": "saving"})
    weights = model.get_weights()  # on every rank: some variables are summed over ranks when they are read
    if seat.rank == 0:
        plain = tf_keras.models.clone_model(model)
        plain.set_weights(weights)
        with replacing_file(job.output) as aside:
            plain.save(aside)
    return {"test": test, "layers": hook.report(model) if hook is not None else []}


class Trainer:
    """The loop: several steps a call, sums instead of means, a report at about 5 Hz."""

    def __init__(self, job: Job, seat: Seat, channel: Channel, strategy: Any, hook: Hook | None) -> None:
        self.job, self.seat, self.channel, self.strategy, self.hook = job, seat, channel, strategy, hook
        self.rows = resolve(job.open_rows)(job.shards)

    def train(self, model: Any, optimizer: Any) -> None:
        """All epochs."""
        import tensorflow as tf

        job = self.job
        learn = self._several(self._learner(model, optimizer))
        iterator = self._iterator(self._training_batches, self.rows.take)
        per_call = 1
        for epoch in range(1, job.epochs + 1):
            done, totals, started, reported = 0, np.zeros(3), time.time(), 0.0
            while done < job.steps:
                if self.hook is not None:
                    self.hook.before_step((epoch - 1) * job.steps + done)
                first = epoch == 1 and done < 2
                count = 1 if first or self.hook is not None else min(per_call, job.steps - done)
                before = time.perf_counter()
                totals += learn(iterator, tf.constant(count)).numpy()
                seconds = time.perf_counter() - before
                done += count
                now = time.time()
                if now - reported >= REPORT_SECONDS or done == job.steps:
                    reported = now
                    self._tell(epoch, done, totals, now - started)
                if first:  # the very first step traces the function, the second one tells how long a step takes
                    per_call = self._agree(seconds)
            if epoch > 1:
                per_call = self._agree((time.time() - started) / job.steps)

    def test(self, model: Any) -> list[float]:
        """Sums over this rank's share of the test rows; every rank takes the same number of steps."""
        import tensorflow as tf

        job = self.job
        if not job.dataset.splits.get("test"):
            return [0.0, 0.0, 0.0]
        x, y = resolve(job.open_split)(job.dataset, "test")
        size = max(job.batch_size, 256)

        def batches() -> Iterator[_order.Batch]:
            for start in range(0, len(x), size):
                step = np.arange(start, min(start + size, len(x)))
                yield _order.share(step, size, self.seat.rank, self.seat.world)

        iterator = self._iterator(batches, lambda rows: (x[rows], y[rows]), size)
        judge, totals = self._several(self._judge(model)), np.zeros(3)
        for _ in range(-(-len(x) // size)):
            totals += judge(iterator, tf.constant(1)).numpy()
            self.channel.send("event", {"type": "testing"})
        return [float(value) for value in totals]

    def _learner(self, model: Any, optimizer: Any) -> Any:
        """A step: answers, losses, gradients summed over ranks, new weights; gives `_sums`."""
        import tensorflow as tf

        world = self.seat.world

        def learn(x: Any, y: Any, weights: Any) -> Any:
            with tf.GradientTape() as tape:
                answers = model(tf.cast(x, tf.float32), training=True)
                losses = self._losses(y, answers)
                # Optimisers sum gradients over ranks, so a regulariser that every rank adds counts 1 / world each.
                loss = tf.reduce_sum(losses * weights) + tf.add_n([*model.losses, tf.constant(0.0)]) / world
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return self._sums(y, answers, losses, weights)

        return learn

    def _judge(self, model: Any) -> Any:
        """The same without learning."""
        import tensorflow as tf

        def judge(x: Any, y: Any, weights: Any) -> Any:
            answers = model(tf.cast(x, tf.float32), training=False)
            return self._sums(y, answers, self._losses(y, answers), weights)

        return judge

    def _losses(self, y: Any, answers: Any) -> Any:
        """Each example's loss."""
        import tensorflow as tf
        import tf_keras

        labels = y if self.job.metric == "accuracy" else tf.reshape(y, tf.shape(answers))
        return tf_keras.losses.get(self.job.loss)(labels, answers)

    def _sums(self, y: Any, answers: Any, losses: Any, weights: Any) -> Any:
        """Sums of loss and metric over the examples that count, and their number; shape (3,)."""
        import tensorflow as tf

        real = tf.cast(weights > 0, tf.float32)
        if self.job.metric == "accuracy":
            values = tf.cast(tf.equal(y, tf.argmax(answers, -1, output_type=y.dtype)), tf.float32)
        else:
            values = tf.abs(y - tf.reshape(answers, tf.shape(y)))
        return tf.stack([tf.reduce_sum(losses * real), tf.reduce_sum(values * real), tf.reduce_sum(real)])

    def _several(self, function: Any) -> Any:
        """A graph that runs `function` on the next `count` batches and adds its results up."""
        import tensorflow as tf

        strategy = self.strategy

        @tf.function  # type: ignore[untyped-decorator]  # TensorFlow is untyped
        def calls(iterator: Any, count: Any) -> Any:
            total = tf.zeros(3)
            for _ in tf.range(count):
                result = strategy.run(function, args=next(iterator))
                total += strategy.experimental_local_results(result)[0]
            return total

        return calls

    def _agree(self, step_seconds: float) -> int:
        """How many steps go into a call, so that it takes about as long as the time between two reports.

        Every rank must come to the same number: TensorFlow names a collective by its iteration in the loop around it,
        so ranks that cut the same steps into different calls would wait for each other for ever.
        """
        import tensorflow as tf

        def mean_over_ranks() -> Any:
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.constant(step_seconds))

        mean = self.strategy.experimental_local_results(self.strategy.run(mean_over_ranks))[0]
        return int(max(1, min(REPORT_SECONDS / max(float(mean), 1e-6), MOST_STEPS_A_CALL)))

    def _tell(self, epoch: int, step: int, totals: Any, seconds: float) -> None:
        loss, metric, examples = (float(value) for value in totals)
        self.channel.send(
            "event",
            {
                "type": "progress",
                "epoch": epoch,
                "step": step,
                "loss": loss,
                "metric": metric,
                "examples": examples,
                "seconds": seconds,
                "time": time.time(),
            },
        )

    def _training_batches(self) -> Iterator[_order.Batch]:
        job, seat = self.job, self.seat
        for epoch in range(1, job.epochs + 1):
            yield from _order.epoch(job.shards.num_rows, job.batch_size, seat.rank, seat.world, job.seed, epoch)

    def _iterator(self, batches: Any, take: Any, batch_size: int | None = None) -> Any:
        """An iterator of (x, y, weights) for this rank, read ahead in the background."""
        import tensorflow as tf

        dataset = self.job.dataset
        size = _order.local_batch_size(batch_size or self.job.batch_size, self.seat.world)
        y_dtype = tf.int64 if dataset.target.kind == "classes" else tf.float32
        signature = (
            tf.TensorSpec((size, *dataset.input_shape), dataset.input_dtype),
            tf.TensorSpec((size,), y_dtype),
            tf.TensorSpec((size,), tf.float32),
        )

        def generate() -> Iterator[tuple[Any, Any, Any]]:
            for batch in batches():
                yield (*take(batch.rows), batch.weights)

        def pipeline(_: Any) -> Any:
            return tf.data.Dataset.from_generator(generate, output_signature=signature).prefetch(4)

        return iter(self.strategy.distribute_datasets_from_function(pipeline))


def log_name(seat: Seat) -> str:
    """The file in the run's folder that takes what this rank prints."""
    return f"rank-{seat.rank}.log"
