"""A rank's loop over epochs and steps.

Several steps are one call of TensorFlow, about as many as fit between two reports. At its end the ranks agree on what
comes next, by summing up a few numbers: the epoch's totals, the time that a step takes (hence how many go into the next
call), and whether anybody wanted to stop or to save when it began. So all ranks stop and save at the same step.

Every rank must come to the same number of steps a call: TensorFlow names a collective by its iteration in the loop
around it, so ranks that cut the same steps into different calls would wait for each other for ever.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.forkserver._child import Channel
from lepton_lab.train._chance import doubt
from lepton_lab.train._checkpoint import Checkpoint, Place, Writer, load
from lepton_lab.train._job import Job, Seat
from lepton_lab.train._session import Session

REPORT_SECONDS = 0.2
"""How often a rank reports."""
MOST_STEPS_A_CALL = 256
"""Bounds how long a run goes on after it was told to stop."""


class Stopped(Exception):  # noqa: N818  # nothing went wrong
    """The ranks have agreed to stop here; a checkpoint is written."""


class Loop:
    """Trains a model; all ranks call the same methods in the same order."""

    def __init__(self, job: Job, seat: Seat, channel: Channel, session: Session) -> None:
        self.job, self.seat, self.channel, self.session = job, seat, channel, session
        self.epoch, self.step = 1, 0
        self.totals: NDArray[Any] = np.zeros(len(session.names) + 1)
        """The epoch's sums over all ranks, as of the last agreement: those of `names`, then the examples."""
        self.history: dict[str, list[float]] = {}
        self.memories: tuple[Any, ...] = ()
        self._fresh: NDArray[Any] = np.zeros(len(self.totals))
        """This rank's sums since then."""
        self._seen, self._busy, self._steps, self._step_seconds = 0.0, 0.0, 0, 0.0
        self._wants_stop, self._is_save_due = False, False
        self._per_call = 1
        self._calls = 0
        self._spent = 0.0
        self._writer = Writer(job.checkpoints, job.order, job.keep, job.checkpoint_seconds, self._complain)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint."""
        arrays, place = load(checkpoint), checkpoint.place
        self.epoch, self.step = place.epoch, place.step
        self._spent = place.seconds
        self.totals = np.array(place.totals or np.zeros(len(self.totals)))
        self.history = {name: list(values) for name, values in place.history.items()}
        self.memories = place.callbacks
        self.session.restore(arrays, self.memories)

    def train(self) -> bool:
        """All epochs from here on; False where a callback ended the training early.

        Raises
        ------
        Stopped
            If the run was told to stop; what was learnt is in a checkpoint.
        """
        job, session = self.job, self.session
        with self.calling():
            session.begin(is_new=self.epoch == 1 and self.step == 0)
        feed = session.feed.training(self.epoch, self.step)
        while self.epoch <= job.epochs:
            if self.step == 0:
                with self.calling():
                    session.callbacks_before(self.epoch)
            began = time.time() - self._spent
            while self.step < job.steps:
                self._call(feed, began)
            if not self._end_epoch(began):
                return False
            if self._is_save_due and self.epoch <= job.epochs:
                self._save(0.0)
        return True

    def evaluate(self, iterator: Any, steps: int) -> dict[str, float]:
        """Loss and metrics over rows that are not learnt from, the same in every rank."""
        session = self.session
        session.reset_metrics()
        sums = np.zeros(len(self.totals))
        for _ in range(steps):
            sums += session.judge(iterator)[:-1]
            self.channel.send("event", {"type": "pulse"})
        return session.means(session.sum_over_ranks(sums))

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Say that the first rank may be silent for long in its callbacks, and the others while they wait for it."""
        if self.job.callbacks:
            self.channel.send("event", {"type": "callbacks"})
        yield
        if self.job.callbacks:
            self.channel.send("event", {"type": "called"})

    def _call(self, feed: Any, began: float) -> None:
        """A few steps in one call of TensorFlow, and what the ranks agree on after it."""
        job, session = self.job, self.session
        session.before_step((self.epoch - 1) * job.steps + self.step)
        count = session.count(self._per_call, self.step)
        is_end = self.step + count == job.steps
        # The very first call traces the function; the second one tells how long a step takes.
        agrees = self._calls < 2 or is_end or self._steps + count >= self._per_call
        before = time.perf_counter()
        sums, agreed = session.learn(feed, count, self._wishes(), self._fresh, agrees)
        self._step_seconds = (time.perf_counter() - before) / count
        self._busy += float(sums[-1])
        self._seen += float(sums[-2])
        self.step += count
        self._steps += count
        self._calls += 1
        if agreed is None:
            self._fresh += sums[:-1]
        else:
            self._agree(agreed, time.time() - began, is_end)

    def _wishes(self) -> NDArray[Any]:
        """What this rank brings to the next agreement: whether to stop, whether to save, how long a step takes."""
        while self.channel.poll():
            if self.channel.receive() == ("stop",):
                self._wants_stop = True
        is_due = self.seat.rank == 0 and self._writer.is_due
        return np.array([self._wants_stop, is_due, self._step_seconds], float)

    def _agree(self, agreed: NDArray[Any], epoch_seconds: float, is_end: bool) -> None:
        """Do what the ranks' sums say."""
        stop, save, step_seconds, *fresh = agreed
        self.totals = self.totals + np.array(fresh)
        if self._calls > 2:
            mean = max(step_seconds / self.seat.world, 1e-6)
            self._per_call = int(max(1, min(REPORT_SECONDS / mean, MOST_STEPS_A_CALL)))
        self._tell(epoch_seconds)
        self._fresh[:] = 0
        self._steps, self._busy = 0, 0.0
        self._is_save_due = bool(save)  # at an epoch's end after that, with what is said of it in the history
        if (save and not is_end) or stop:
            self._save(epoch_seconds)
        if stop:
            self._writer.wait()
            raise Stopped

    def _end_epoch(self, began: float) -> bool:
        """What follows an epoch's last step; False if a callback wants no more of them."""
        job, session, seconds = self.job, self.session, time.time() - began
        logs = session.means(self.totals)
        if job.num_held_out:
            logs |= {f"val_{name}": value for name, value in self.evaluate(*session.feed.validation()).items()}
        logs |= session.rate_logs()
        logs |= {"seconds": seconds, "examples": float(self.totals[-1])}
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
        if self.seat.rank == 0:
            self.channel.send("event", {"type": "epoch", "epoch": self.epoch, "logs": logs})
            if self.epoch == 1 and (said := doubt(job, session.model, session.heads, logs, session.learning_rate())):
                self._complain(said)
        with self.calling():
            goes_on = session.callbacks_after(self.epoch, logs)
        self.epoch, self.step, self._spent = self.epoch + 1, 0, 0.0
        self.totals = np.zeros(len(self.totals))
        session.reset_metrics()
        return goes_on

    def _save(self, epoch_seconds: float) -> None:
        """Write a checkpoint beside the training; every rank takes part, since some variables are summed when read."""
        arrays, memories = self.session.snapshot()
        if self.seat.rank == 0:
            history = {name: tuple(values) for name, values in self.history.items()}
            place = Place(self.epoch, self.step, tuple(map(float, self.totals)), epoch_seconds, history, memories)
            number = (self.epoch - 1) * self.job.steps + self.step
            self._writer.write(number, place, arrays)

    def _complain(self, message: str) -> None:
        self.channel.send("event", {"type": "note", "message": message})

    def _tell(self, seconds: float) -> None:
        now = time.time()
        event: dict[str, Any] = {
            "type": "progress",
            "epoch": self.epoch,
            "step": self.step,
            "examples": self._seen,
            "busy": self._busy / max(self._steps, 1),
            "memory": _resident(),
            "seconds": seconds,
            "time": now,
        }
        if self.seat.rank == 0:
            event["means"] = self.session.fast_means(self.totals)
            event["learning_rate"] = self.session.learning_rate()
        self.channel.send("event", event)


def _resident() -> int:
    """Bytes of this process in memory: what it inherited from the fork server counts, mapped shards don't."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("RssAnon:")[2].split(maxsplit=1)[0])
