"""The child's side: load the model once, answer pieces until nobody asks any more."""

from __future__ import annotations

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
        How many threads one operation may use; None for as many as there are cores.
    """
    model = open_model(work.model_file, work.code, threads)
    rows, answers = _open_rows(work), np.load(work.answers_file, mmap_mode="r+")
    work.check_unchanged()
    while True:
        _, piece = channel.receive()
        for batch in work.batches(piece):
            found = model.run(rows[batch])
            if found.shape != answers[batch].shape:  # it would be broadcast
                raise InputError(
                    f"The model {work.model!r} answers with shape {found.shape[1:]}, expected {answers.shape[1:]}: "
                    "its file is another model's; make it again."
                )
            answers[batch] = found
        answers.flush()  # so that other hosts read it, too
        channel.send("answered", piece)


def _open_rows(work: Work) -> NDArray[Any]:
    try:
        rows: NDArray[Any] = np.load(work.rows_file, mmap_mode="r", allow_pickle=False)
        return rows
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"Rows in {work.rows_file} can't be read ({error}); load them again.") from error
