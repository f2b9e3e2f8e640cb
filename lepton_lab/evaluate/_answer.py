"""The child's side: load the model once, answer pieces until nobody asks any more."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import DataError, InputError
from lepton_lab.evaluate._work import Work
from lepton_lab.forkserver._child import Channel
from lepton_lab.runtime import open_model


def answer(work: Work, threads: int | None, channel: Channel) -> None:
    """Answer each piece that comes over `channel` into its place in the file; the owner ends this process.

    Parameters
    ----------
    threads
        How many threads to use; None for as many as there are cores. Keras models use them for several batches at once,
        each operation taking one: TensorFlow cuts an operation by the number of its threads, and on some processors
        the last bits of the answers would go by that.
    """
    at_once = (threads or os.cpu_count() or 1) if work.model_file.suffix == ".keras" else 1
    own = 1 if work.model_file.suffix == ".keras" else threads
    model = open_model(work.model_file, work.code, own, marks_masked=work.marks_masked)
    rows, answers = _open_rows(work), np.load(work.answers_file, mmap_mode="r+")
    work.check_unchanged()
    with ThreadPoolExecutor(at_once) as pool:
        while True:
            _, piece = channel.receive()
            first, *others = work.batches(piece)
            _answer(work, model, rows, answers, first)  # traces the model
            done: Iterable[None] = pool.map(partial(_answer, work, model, rows, answers), others)
            list(done)  # raises what a batch raised
            answers.flush()  # so that other hosts read it, too
            channel.send("answered", piece)


def _answer(work: Work, model: Any, rows: NDArray[Any], answers: NDArray[Any], batch: slice) -> None:
    """Answer one batch into its place."""
    found = model.run(rows[batch])
    if found.shape != answers[batch].shape or found.dtype != answers.dtype:  # it would be broadcast
        raise InputError(
            f"The model {work.model!r} answers with shape {found.shape[1:]}, expected {answers.shape[1:]}: "
            "its file is another model's; make it again."
        )
    answers[batch] = found


def _open_rows(work: Work) -> NDArray[Any]:
    try:
        rows: NDArray[Any] = np.load(work.rows_file, mmap_mode="r", allow_pickle=False)
        return rows
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"Rows in {work.rows_file} can't be read ({error}); load them again.") from error
