"""A rank's process: TensorFlow, its share of every step, and what it reports."""

from __future__ import annotations

import errno
import faulthandler
import json
import os
import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lepton_lab.errors import InputError, LeptonError, WorkspaceError
from lepton_lab.files import replacing_file
from lepton_lab.forkserver._child import Channel, summary
from lepton_lab.runtime import LOGITS, open_rows, predict, score
from lepton_lab.train._checkpoint import verify
from lepton_lab.train._job import Job, Seat

if TYPE_CHECKING:
    import tf_keras
    from numpy.typing import NDArray


class JoinError(LeptonError):
    """The ranks could not find each other: the machines are to blame, not the user."""


class Hook(Protocol):
    """What changes a model for the time of its training, such as pruning."""

    is_stepwise: bool
    """Whether `before_step` is wanted before every single step; else before each call of several."""
    converts: bool
    """Whether `to_tflite` makes a file, which may take long."""

    def prepare(self, model: tf_keras.Model, total_steps: int) -> tf_keras.Model:
        """The model to train instead; called under the strategy's scope."""

    def before_step(self, step: int) -> None:
        """Called on the host before each step, counted over all epochs from 0."""

    def losses(self, rows: Any, losses: Mapping[str, Any], answers: Mapping[str, Any]) -> Mapping[str, Any]:
        """What to learn from instead of each row's loss, float32 (batch,) by the output's name; in the graph."""

    def finish(self, model: tf_keras.Model) -> tf_keras.Model:
        """The model to save."""

    def to_tflite(self, plain: tf_keras.Model, weights: list[NDArray[Any]]) -> bytes | None:
        """The `.tflite` file that is the result instead of a Keras model; None where there is none."""

    def report(self, model: tf_keras.Model) -> list[tuple[str, str]]:
        """Per layer of the finished model: its name, and what was done to it or why nothing was."""

    def state(self) -> list[NDArray[Any]]:
        """What it needs to go on, for a checkpoint."""

    def restore(self, state: list[NDArray[Any]]) -> None:
        """Take that up again."""


def environment(seat: Seat) -> dict[str, str]:
    """What a rank's process needs in its environment before TensorFlow touches a device."""
    variables = {"TF_USE_LEGACY_KERAS": "1", "OMP_NUM_THREADS": str(seat.threads)}
    if seat.world > 1:
        task = {"cluster": {"worker": list(seat.addresses)}, "task": {"type": "worker", "index": seat.rank}}
        variables["TF_CONFIG"] = json.dumps(task)
    return variables


def run_rank(job: Job, seat: Seat, channel: Channel) -> dict[str, Any]:
    """Train; the first rank writes the model to `job.output`.

    A rank with peers sends its result itself and stays until its owner ends it: whoever is slower may still be fetching
    what it gave to their last exchange, and would be told that the connection is closed.

    Returns
    -------
    dict
        `stopped`: whether the run was told to stop, and is to be gone on with; `metrics`: on the test split; `layers`:
        the hook's report.
    """
    result = _train(job, seat, channel)
    if seat.world == 1:
        return result
    channel.send("result", result)
    while True:
        channel.receive()  # ends the process when the owner has cut the line


def _train(job: Job, seat: Seat, channel: Channel) -> dict[str, Any]:
    """See `run_rank`."""
    faulthandler.register(signal.SIGUSR1)  # tells the log where all threads are
    import tensorflow as tf
    import tf_keras

    from lepton_lab.train._loop import Loop, Stopped
    from lepton_lab.train._session import Session
    from lepton_lab.train._strategy import make_strategy, set_devices

    if job.working_folder is not None and job.working_folder.is_dir():
        os.chdir(job.working_folder)
    tf_keras.utils.set_random_seed(job.seed)
    set_devices(seat)
    channel.send("event", {"type": "joining"})
    try:
        strategy = make_strategy(seat)
    except LeptonError:
        raise
    except Exception as error:  # TensorFlow has a class for each way in which a network can fail
        where = f"rank {seat.rank} on worker {seat.worker} at {seat.addresses[seat.rank]}"
        raise JoinError(f"The process of {where} could not join its peers: {summary(error)}") from None
    channel.send("event", {"type": "joined"})
    try:
        session = Session(job, seat, strategy)
    except InputError as error:
        if isinstance(error.__cause__, tf.errors.OpError):  # a peer went while the loaded weights were handed round
            raise error.__cause__ from None
        raise
    loop = Loop(job, seat, channel, session)
    if seat.checkpoint is not None:
        loop.restore(verify(seat.checkpoint))
    elif seat.rank == 0 and session.note:
        channel.send("event", {"type": "note", "message": session.note})
    try:
        loop.train()
    except Stopped:
        channel.send("event", {"type": "last"})
        return {"stopped": True, "metrics": {}, "layers": []}
    with loop.calling():
        session.callbacks_end()
    weights = session.finish()
    metrics = {}
    if job.dataset.splits.get("test"):
        metrics = loop.evaluate(*session.feed.test())
    channel.send("event", {"type": "converting", "converts": session.hook is not None and session.hook.converts})
    if seat.rank == 0:
        product = session.product(weights)
        _write(product, job)
        if metrics and isinstance(product, bytes):  # what was trained only behaves as the file will
            metrics = _metrics_of_file(job)
    session.sum_over_ranks(np.zeros(1))  # a rank that ended before would be missed by the first one
    channel.send("event", {"type": "last"})
    return {
        "stopped": False,
        "metrics": {f"test_{name}": value for name, value in metrics.items()},
        "layers": session.hook.report(session.model) if session.hook is not None else [],
    }


def _metrics_of_file(job: Job) -> dict[str, float]:
    rows, targets = open_rows(job.dataset, "test")
    logits = [name for name, answers in job.answers.items() if answers == LOGITS]
    return score(predict(job.output, rows, code=job.code, marks_masked=True), targets, job.dataset.target.kind, logits)


def _write(product: Any, job: Job) -> None:
    """Write the trained model, or the file that was made of it."""
    try:
        with replacing_file(job.output) as aside:
            if isinstance(product, bytes):
                aside.write_bytes(product)
            else:
                product.save(aside)
    except OSError as error:
        reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error)
        raise WorkspaceError(
            f"The trained model could not be written to {job.output}: {reason}. Make room, then go on with "
            f"%lepton run resume {job.run}."
        ) from None


def log_name(seat: Seat) -> str:
    """The file in the run's folder that takes what this rank prints."""
    return f"rank-{seat.rank}.log"
