"""What is to be answered, and how it is cut into pieces."""

from __future__ import annotations

import math
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lepton_lab import display
from lepton_lab.errors import InputError
from lepton_lab.runtime import predict
from lepton_lab.types import Model

MOST_ROWS = 512
"""In a batch, as in `runtime.predict`."""
MOST_NUMBERS = 2**22
"""In a batch: rows that are large pictures go in fewer at once, since a model's layers take many times their memory."""
PIECES_A_WORKER = 8
"""So many that workers of unequal speed all end at nearly the same time."""
MOST_BATCHES = 64
"""In a piece: it bounds what is lost with a worker, and how long there is no news."""


@dataclass(frozen=True)
class Work:
    """A model's file, rows, and the file that takes its answers; the same for every piece.

    All three are files that every worker sees at the same path, so nothing large goes through Dask.
    """

    model: str
    """The model's name, for messages."""
    model_file: Path
    rows_file: Path
    """`.npy`, of shape (num_rows, *input_shape); records of shape (num_rows,) for several inputs."""
    answers_file: Path
    """`.npy`, of shape (num_rows, *output_shape), float32, or records of shape (num_rows,) for several outputs; there
    already, and filled piece by piece."""
    num_rows: int
    batch_size: int
    code: Path | None
    """As for `load_keras`."""
    marks: tuple[tuple[int, int], ...]
    """Of the model's file and the rows', as they were when the work was begun."""
    token: str
    """Tells this work from all other."""
    marks_masked: bool = False
    """Whether steps that the model masks are to be told from others, see `runtime.MASKED`."""

    def pieces(self, workers: int = 1) -> list[range]:
        """Row ranges, several for each worker.

        They are cut between batches: the same rows go into the model together however many workers there are, and so
        the answers are the same.
        """
        batches = math.ceil(self.num_rows / self.batch_size)
        step = self.batch_size * min(MOST_BATCHES, math.ceil(batches / (PIECES_A_WORKER * workers)))
        return [range(start, min(start + step, self.num_rows)) for start in range(0, self.num_rows, step)]

    def batches(self, piece: range) -> Iterator[slice]:
        """The batches of a piece."""
        for start in piece[:: self.batch_size]:
            yield slice(start, min(start + self.batch_size, piece.stop))

    def check_unchanged(self) -> None:
        """Raise InputError if the model or the rows were replaced meanwhile: the answers would be of both."""
        for file, mark in zip((self.model_file, self.rows_file), self.marks, strict=True):
            if _mark(file) != mark:
                raise InputError(f"{file} was replaced while {self.model!r} answered: predict once more.")


@dataclass(frozen=True)
class Layout:
    """How the answer to a row is stored."""

    dtype: np.dtype[Any]
    """float32, or of records."""
    shape: tuple[int, ...]

    @property
    def numbers(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape) * self.dtype.itemsize // 4


def find_layout(model: Model, rows_file: Path) -> Layout:
    """What is found by answering the first row; for models with several outputs, in a process that has TensorFlow.

    Raises
    ------
    LeptonError
        If the model can't be opened, or doesn't take such rows.
    """
    answers = predict(model.file, np.load(rows_file, mmap_mode="r", allow_pickle=False)[:1], 1, model.code)
    return Layout(answers.dtype, answers.shape[1:])


def begin(
    model: Model,
    rows_file: Path,
    num_rows: int,
    answers_file: Path,
    batch_size: int | None = None,
    *,
    layout: Layout | None = None,
    marks_masked: bool = False,
) -> Work:
    """Make the file that takes the answers, with room on the disk for all of them, and say what is to be done.

    Parameters
    ----------
    batch_size
        Rows that go into the model at once; None goes by their size.
    layout
        Of the answers, where the model's record doesn't tell, see `find_layout`.
    marks_masked
        As `Work` has it.

    Raises
    ------
    InputError
        If the model's file is missing, or there is no such room.
    """
    if not model.file.exists():
        raise InputError(f"The model's file {model.file} is missing; make the model again, or drop it.")
    layout = layout or Layout(np.dtype(np.float32), model.output_shape)
    _make(answers_file, (num_rows, *layout.shape), layout.dtype)
    numbers = max(1, math.prod(model.input_shape), layout.numbers)
    batch_size = batch_size or max(1, min(MOST_ROWS, MOST_NUMBERS // numbers))
    marks = (_mark(model.file), _mark(rows_file))
    token = uuid.uuid4().hex
    return Work(
        model.name, model.file, rows_file, answers_file, num_rows, batch_size, model.code, marks, token, marks_masked
    )


def _make(file: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """A `.npy` file of zeros with its room taken: a disk that is full later would end who writes to it by a signal."""
    size, free = math.prod(shape) * dtype.itemsize, shutil.disk_usage(file.parent).free
    try:
        if size > free:  # asked first, since to try would fill the disk
            raise OSError
        np.lib.format.open_memmap(file, mode="w+", dtype=dtype, shape=shape)  # closed at once
        with file.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, file.stat().st_size)
    except OSError as error:
        file.unlink(missing_ok=True)
        why = error.strerror or f"{display.size(free)} are free"
        raise InputError(
            f"The answers need {display.size(size)} in {file.parent.parent}, but {why}: make room there."
        ) from None


def _mark(file: Path) -> tuple[int, int]:
    """What changes when a file is replaced: its size, and nanoseconds of its last change; zeros if it has gone."""
    try:
        status = file.stat()
    except OSError:
        return (0, 0)
    return (status.st_size, status.st_mtime_ns)
