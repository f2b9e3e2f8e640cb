"""The child's side: load the model once, answer pieces until nobody asks any more."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import DataError, InputError
from lepton_lab.evaluate._work import Work
from lepton_lab.forkserver._child import Channel
from lepton_lab.runtime import Interpreter, load_keras


def answer(work: Work, threads: int | None, channel: Channel) -> None:
    """Answer each piece that comes over `channel` into its place in the file; the owner ends this process.

    Parameters
    ----------
    threads
        How many threads one operation may use; None for as many as there are cores.
    """
    model = _open_model(work.model_file, work.code, threads)
    rows, answers = _open_rows(work), np.load(work.answers_file, mmap_mode="r+")
    work.check_unchanged()
    while True:
        _, piece = channel.receive()
        for batch in work.batches(piece):
            found = model(rows[batch])
            if found.shape != answers[batch].shape:  # it would be broadcast
                raise InputError(
                    f"The model {work.model!r} answers with shape {found.shape[1:]}, expected {answers.shape[1:]}: "
                    "its file is another model's; make it again."
                )
            answers[batch] = found
        answers.flush()  # so that other hosts read it, too
        channel.send("answered", piece)


def _open_model(file: Path, code: Path | None, threads: int | None) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
    """What gives the answers to a batch."""
    if file.suffix != ".keras":
        return Interpreter(file, threads or len(os.sched_getaffinity(0))).run
    import tensorflow as tf

    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    model = load_keras(file, code)
    # Traced once, for any number of rows: half as fast again as calling the model step by step.
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)]
    traced = tf.function(lambda batch: model(batch, training=False), input_signature=signature)
    return lambda batch: np.asarray(traced(np.asarray(batch, np.float32)))


def _open_rows(work: Work) -> NDArray[Any]:
    try:
        rows: NDArray[Any] = np.load(work.rows_file, mmap_mode="r", allow_pickle=False)
        return rows
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"Rows in {work.rows_file} can't be read ({error}); load them again.") from error
