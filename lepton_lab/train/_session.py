"""What a rank trains with: the layout's strategy, the model under it, the optimiser, and the rows that come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.forkserver._child import resolve
from lepton_lab.runtime import load_keras, plain_variables
from lepton_lab.train import _random, _step
from lepton_lab.train._board import Board
from lepton_lab.train._callbacks import Callbacks, Decision
from lepton_lab.train._feed import Feed
from lepton_lab.train._job import Job, Seat
from lepton_lab.train._keras3 import learn_variances
from lepton_lab.train._optimizer import has_schedule, make_optimizer, rate_changes, spare, suit_rate, variables
from lepton_lab.train._precision import with_precision


class Session:
    """A model in training under a layout; every rank of a run has one and calls the same methods in the same order."""

    def __init__(self, job: Job, seat: Seat, strategy: Any) -> None:
        import tensorflow as tf

        self.job, self.seat = job, seat
        self.strategy = strategy
        """Over which the ranks talk."""
        self.is_averaging = seat.layout == "averaging"
        self._scope = tf.distribute.get_strategy() if self.is_averaging else self.strategy
        """Under which the model lives: its own rank's where the ranks learn by themselves."""
        replicas = 1 if self.is_averaging else int(self.strategy.num_replicas_in_sync)
        local = replicas if seat.world == 1 else 1
        with self._scope.scope():
            self.model = with_precision(load_keras(job.model_file, job.code), job.precision)
            self.hook = resolve(job.hook)(**job.hook_options) if job.hook else None
            if self.hook is not None:
                self.model = self.hook.prepare(self.model, job.steps * job.epochs)
            if job.was_keras3:
                learn_variances(self.model)
            self.optimizer = make_optimizer(job)
            self.note = suit_rate(self.optimizer, job, seat.world) if self._is_apart else ""
            """What the user should know of it; empty for nothing."""
            spare(self.optimizer, job, self.model)
            self.optimizer.build(plain_variables(self.model.trainable_variables))
            self.heads = _step.make_heads(job, self.model)
        self.feed = Feed(job, seat, self._scope, local)
        self.steps = _step.Steps(
            job, self.model, self.optimizer, self.heads, replicas, seat.world if self._is_apart else 1
        )
        if self.hook is not None:
            self.steps.taught = self.hook.losses
        # a weighted metric that is called as the head's own mean takes its place
        self.metrics = [head.mean for head in self.heads if head.mean is not None]
        self.metrics += [each.metric for head in self.heads for each in head.metrics]
        _random.bind(self.model, job.seed, self.optimizer.iterations, self._replica)
        self.callbacks: Callbacks | None = None
        if job.callbacks and seat.rank == 0:
            self.callbacks = Callbacks(job, load_keras(job.model_file, job.code), make_optimizer(job))
            self.callbacks.check(_step.log_names(job, self.heads, self.optimizer))
        self._board = Board(job.folder / "tensorboard") if seat.rank == 0 else None
        # AutoGraph would take longer to rewrite these than TensorFlow does to trace them. What may be the user's own
        # (layers, losses, metrics) goes through it all the same, see `_several` and `make_loss`.
        learn = self._several(self.steps.learn)
        self._learn_several = self._rounds(learn) if self._is_apart else learn
        self._learn = tf.function(self._learn_in_graph, autograph=False)
        self._judge = tf.function(self._several(self.steps.judge), autograph=False)
        self._sum = tf.function(self._sum_in_graph, autograph=False, reduce_retracing=True)
        self._average = tf.function(self._average_in_graph, autograph=False)

    # what is reported

    @property
    def names(self) -> list[str]:
        """Of the sums that are kept while the training goes on."""
        return self.steps.names

    def fast_means(self, totals: NDArray[Any]) -> dict[str, float]:
        """Loss and the heads' metrics, from sums over the examples that come last in them."""
        examples = max(float(totals[-1]), 1.0)
        return {name: float(total) / examples for name, total in zip(self.names, totals, strict=False)}

    def means(self, totals: NDArray[Any]) -> dict[str, float]:
        """The same with the values of all Keras metrics; every rank must ask at once."""
        values = self.fast_means(totals)
        if self._is_apart:
            for variable, total in zip(self._metric_variables(), self._metric_totals(), strict=True):
                variable.assign(total)
        for metric in self.metrics:
            values[metric.name] = float(np.asarray(metric.result()))
        return values

    @property
    def _is_apart(self) -> bool:
        """Whether each rank has metrics of its own, which nothing sums up when they are read."""
        return self.is_averaging and self.seat.world > 1

    def _metric_variables(self) -> list[Any]:
        return [variable for metric in self.metrics for variable in metric.variables]

    def _metric_totals(self) -> list[NDArray[Any]]:
        """What the metrics have counted over all ranks; every rank must ask at once."""
        values = [np.asarray(variable) for variable in self._metric_variables()]
        if not self._is_apart:
            return values
        return [self.sum_over_ranks(value.ravel()).reshape(value.shape).astype(value.dtype) for value in values]

    def reset_metrics(self) -> None:
        """Begin to count anew."""
        for metric in self.metrics:
            metric.reset_state()

    def rate_logs(self) -> dict[str, float]:
        """The learning rate, where it changes."""
        rate = self.learning_rate() if rate_changes(self.job, self.optimizer) else None
        return {} if rate is None else {"learning_rate": rate}

    def learning_rate(self) -> float | None:
        """The learning rate of the last step; None where an optimiser of the user's own keeps it in a way of its own.

        Where a schedule gives it, Keras has put it into a variable at the step, so reading it costs the same.
        """
        try:
            return float(np.asarray(self.optimizer.learning_rate))
        except (AttributeError, TypeError, ValueError):
            return None

    # steps

    def count(self, wanted: int, step: int) -> int:
        """How many steps the next call has: about as many as wanted; where ranks learn by themselves, whole rounds."""
        if self.hook is not None and self.hook.is_stepwise:
            return 1
        if self.is_averaging:
            every = self.job.every
            wanted = max(every, wanted - wanted % every)
        return min(wanted, self.job.steps - step)

    def before_step(self, step: int) -> None:
        """Called before each call, with the steps done over all epochs."""
        if self.hook is not None:
            self.hook.before_step(step)

    def learn(
        self, iterator: Any, count: int, wishes: NDArray[Any], fresh: NDArray[Any], agrees: bool
    ) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """`count` steps, and in the same call of TensorFlow what the ranks agree on.

        Parameters
        ----------
        iterator
            Of batches.
        count
            How many of them.
        wishes, fresh
            Float64 `(n,)` and `(len(names) + 1,)`: what to sum up over the ranks; to the second these steps' sums of
            the names and examples are added before.
        agrees
            Whether to; the same in all ranks, as is `count`.

        Returns
        -------
        This rank's sums of these steps: those of the names, the examples, the busy seconds. And, if it `agrees`, the
        ranks' sums of the wishes, then of the fresh ones.
        """
        import tensorflow as tf

        sums, agreed = self._learn(iterator, tf.constant(count), wishes, fresh, tf.constant(agrees))
        return sums.numpy(), agreed.numpy() if agrees else None

    def _learn_in_graph(self, iterator: Any, count: Any, wishes: Any, fresh: Any, agrees: Any) -> Any:
        import tensorflow as tf

        sums = self._learn_several(iterator, count)
        mine = tf.concat([wishes, fresh + sums[:-1]], 0)
        if self.seat.world > 1:
            mine = tf.cond(agrees, lambda: self._sum_in_graph(mine), lambda: mine)
        return sums, mine

    def judge(self, iterator: Any) -> NDArray[Any]:
        """One batch without learning."""
        import tensorflow as tf

        sums: NDArray[Any] = self._judge(iterator, tf.constant(1)).numpy()
        return sums

    def sum_over_ranks(self, values: NDArray[Any]) -> NDArray[Any]:
        """The elementwise sum of what all ranks give; float64 (n,)."""
        import tensorflow as tf

        if self.seat.world == 1:
            return values
        total: NDArray[Any] = self._sum(tf.constant(values, tf.float64)).numpy()
        return total

    def _sum_in_graph(self, values: Any) -> Any:
        return self._over_ranks("SUM", values)

    def _over_ranks(self, how: str, values: Any) -> Any:
        import tensorflow as tf

        def reduce(mine: Any) -> Any:
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp[how], tf.identity(mine))

        result = self.strategy.run(reduce, args=(values,))
        return self.strategy.experimental_local_results(result)[0]

    def _average_in_graph(self) -> None:
        """Give all ranks the mean of their weights, in one message.

        What their optimisers remember stays their own, as in DiLoCo (https://arxiv.org/abs/2311.08105): Adam's would be
        two thirds of the message, and the loss is the same.
        """
        import tensorflow as tf

        variables = [v for v in self.model.weights if v.dtype.is_floating]
        flat = tf.concat([tf.reshape(tf.cast(v, tf.float32), [-1]) for v in variables], 0)
        means = tf.split(self._over_ranks("MEAN", flat), [int(np.prod(v.shape)) for v in variables])
        for variable, mean in zip(variables, means, strict=True):
            variable.assign(tf.cast(tf.reshape(mean, variable.shape), variable.dtype))

    def _several(self, function: Any) -> Any:
        """What runs `function` of `steps` on the next `count` batches, in a graph, and adds its results up."""
        import tensorflow as tf

        strategy, autograph = self._scope, tf.__internal__.autograph
        # Called as it is, but Keras's layers and metrics find AutoGraph in its usual state there, not switched off.
        function = autograph.tf_convert(function, autograph.control_status_ctx(), convert_by_default=False)

        def calls(iterator: Any, count: Any) -> Any:
            def call(done: Any, total: Any) -> Any:
                result = strategy.run(function, args=next(iterator))
                return done + 1, total + tf.add_n(strategy.experimental_local_results(result))

            return tf.while_loop(lambda done, _: done < count, call, (tf.constant(0), self._nothing()))[1]

        return calls

    def _rounds(self, learn: Any) -> Any:
        """What calls `learn` for `job.every` batches at a time, and averages the ranks' weights after each of them."""
        import tensorflow as tf

        every = self.job.every

        def rounds(iterator: Any, count: Any) -> Any:
            def learn_and_average(done: Any, total: Any) -> Any:
                total += learn(iterator, tf.minimum(every, count - done))
                self._average_in_graph()
                return done + every, total

            return tf.while_loop(lambda done, _: done < count, learn_and_average, (tf.constant(0), self._nothing()))[1]

        return rounds

    def _nothing(self) -> Any:
        """The sums of no steps."""
        import tensorflow as tf

        return tf.zeros(len(self.names) + 2, tf.float64)

    def _replica(self) -> Any:
        """This replica's number over all ranks."""
        import tensorflow as tf

        if self.is_averaging or self.seat.world == 1:
            context = tf.distribute.get_replica_context()
            mine = context.replica_id_in_sync_group if context is not None else 0
            return self.seat.rank + tf.cast(mine, tf.int64)
        return self.seat.rank

    # callbacks

    def begin(self, is_new: bool) -> None:
        """Before the first step of this process."""
        if self.job.callbacks:
            weights = self.model.get_weights()
            if self.callbacks is not None:
                self.callbacks.begin(self._own_rate(), weights, is_new)

    def callbacks_before(self, epoch: int) -> None:
        """Ask the callbacks before an epoch."""
        if self.job.callbacks:
            weights = self.model.get_weights()
            self._obey(self.callbacks.epoch_begin(epoch, self._own_rate(), weights) if self.callbacks else None)

    def callbacks_after(self, epoch: int, logs: Mapping[str, float]) -> bool:
        """Tell the callbacks and TensorBoard of an epoch; False if the training is to end."""
        logs = {name: value for name, value in logs.items() if name not in ("seconds", "examples")}
        if self._board is not None:
            self._board.epoch(epoch, logs)
        if not self.job.callbacks:
            return True
        weights = self.model.get_weights()
        return not self._obey(
            self.callbacks.epoch_end(epoch, logs, self._own_rate(), weights) if self.callbacks else None
        )

    def callbacks_end(self) -> None:
        """After the last epoch."""
        if self.job.callbacks:
            weights = self.model.get_weights()
            self._obey(self.callbacks.end(self._own_rate(), weights) if self.callbacks else None)

    def _obey(self, decision: Decision | None) -> bool:
        """Do in all ranks what the first one's callbacks decided; whether to stop."""
        stop, rate, weights = decision or (False, None, None)
        mine = np.array([float(stop), float(rate is not None), rate or 0.0, float(weights is not None)])
        stops, changes, rate_now, replaces = self.sum_over_ranks(mine)
        if changes:
            self.optimizer.learning_rate.assign(rate_now)
        if replaces:
            shapes = [w.shape for w in self.model.get_weights()]
            flat = np.concatenate([np.ravel(w) for w in weights or [np.zeros(shape) for shape in shapes]])
            ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
            parts = np.split(self.sum_over_ranks(flat.astype(np.float64)), ends)
            self.model.set_weights([part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)])
        return bool(stops)

    def _own_rate(self) -> float | None:
        """The learning rate; None where a schedule gives it."""
        return None if has_schedule(self.optimizer) else self.learning_rate()

    # state

    def _components(self) -> list[Any]:
        """What each replica keeps for itself: batch normalisation's moving means, which are averaged only when they are
        read; and where the ranks learn by themselves, what their optimisers remember.

        With these a run on as many replicas as before goes on bit by bit as it would have.
        """
        if self._is_apart:
            return list(variables(self.optimizer))
        apart = (v for v in self.model.weights if type(v).__name__ == "SyncOnReadVariable")
        return [component for variable in apart for component in variable.values]

    def _of_all_ranks(self, component: Any) -> NDArray[Any]:
        """Every rank's value of a variable, shape (ranks, *shape)."""
        mine = np.asarray(component)
        values = np.zeros((self.seat.world, *mine.shape))
        values[self.seat.rank] = mine
        return self.sum_over_ranks(values.ravel()).reshape(values.shape).astype(mine.dtype)

    def snapshot(self) -> tuple[dict[str, list[NDArray[Any]]], tuple[Any, ...]]:
        """All numbers of the model, optimiser, metrics, hook and callbacks; every rank must ask at once."""
        arrays: dict[str, list[NDArray[Any]]] = {
            "model": self.model.get_weights(),
            "optimizer": [np.asarray(v) for v in variables(self.optimizer)],
            "metrics": self._metric_totals(),
            "replicas": [self._of_all_ranks(component) for component in self._components()],
            "hook": list(self.hook.state()) if self.hook is not None else [],
        }
        memories: tuple[Any, ...] = ()
        if self.callbacks is not None:
            plain, more = self.callbacks.remember()
            memories, arrays = tuple(plain), arrays | more
        return arrays, memories

    def restore(self, arrays: dict[str, list[NDArray[Any]]], memories: tuple[Any, ...]) -> None:
        """Take up what `snapshot` gave."""
        self.model.set_weights(arrays.get("model", []))
        for variable, value in zip(variables(self.optimizer), arrays["optimizer"], strict=True):
            variable.assign(value)
        parts, saved = self._components(), arrays.get("replicas", [])
        if len(parts) == len(saved) and all(len(values) == self.seat.world for values in saved):
            for component, values in zip(parts, saved, strict=True):
                component.assign(values[self.seat.rank])
        with self._scope.scope():
            for variable, value in zip(self._metric_variables(), arrays.get("metrics", []), strict=True):
                variable.assign(np.zeros_like(value) if self._is_apart and self.seat.rank else value)
        if self.hook is not None:
            self.hook.restore(arrays.get("hook", []))
        if self.callbacks is not None:
            self.callbacks.recall(memories, arrays)

    def finish(self) -> list[NDArray[Any]]:
        """The weights that were learnt; every rank must ask at once."""
        if self.hook is not None:
            with self._scope.scope():
                self.model = self.hook.finish(self.model)
        if getattr(self.optimizer, "use_ema", False):
            self.optimizer.finalize_variable_values(plain_variables(self.model.trainable_variables))
            if self._is_apart:
                self._average()  # each rank has an average of its own
        weights: list[NDArray[Any]] = self.model.get_weights()  # some are summed over ranks when they are read
        return weights

    def product(self, weights: list[NDArray[Any]]) -> Any:
        """What is to be saved with the weights that `finish` gave: a plain model, or the bytes of a file."""
        plain = load_keras(self.job.model_file, self.job.code)
        if self.hook is not None and (content := self.hook.to_tflite(plain, weights)) is not None:
            return content
        plain.set_weights(weights)
        return plain
