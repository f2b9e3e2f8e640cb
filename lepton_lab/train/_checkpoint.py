"""Checkpoints: what a run needs to go on as if it had never been interrupted.

One is a pair of files in the run's `checkpoints` folder: `00001234.npz` with every number of the model, the optimiser
and the metrics, and `00001234.json`, written last, with the place in the data, the history and the first file's
SHA-256. So one whose `.json` is there was written whole, and whether it still is can be told.

Arrays are stored as plain `.npz` and not in TensorFlow's own format: no code runs when it is read, and any number of
ranks can read what any other number wrote. Nothing random is stored: what is random follows from the seed and the step.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import DataError, InputError
from lepton_lab.files import checksum, read_json, replacing_file, write_json

_FORMAT = 1
Arrays = Mapping[str, Sequence[NDArray[Any]]]
"""By group (`model`, `optimizer`, ...) its arrays in order."""


@dataclass(frozen=True)
class Place:
    """How far a run is, and what it has seen on the way."""

    epoch: int = 1
    """The epoch under way, counted from 1."""
    step: int = 0
    """Steps done in that epoch: the cursor in its order."""
    totals: tuple[float, ...] = ()
    """The epoch's sums so far, over all ranks."""
    seconds: float = 0.0
    """How long the epoch has taken so far."""
    history: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Of the epochs before."""
    callbacks: tuple[Mapping[str, Any], ...] = ()
    """What each callback remembers, as plain values."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's record."""

    file: Path
    """The `.npz` file."""
    number: int
    """Steps done over all epochs."""
    place: Place
    order: str
    """What the order of the rows follows from; a run goes on only where it is the same."""
    checksum: str


def names(folder: Path) -> list[Path]:
    """The records of the checkpoints in a folder, the latest first."""
    return sorted((path for path in folder.glob("*.json") if path.stem.isdigit()), reverse=True)


def latest(folder: Path, complain: Callable[[str], None]) -> Checkpoint | None:
    """The latest checkpoint that is whole; tells of each damaged one that was passed over."""
    for record in names(folder):
        try:
            return verify(record)
        except DataError as error:
            complain(str(error))
    return None


def fits(folder: Path, order: str) -> None:
    """Refuse to go on where the rows are not what they were.

    Raises
    ------
    InputError
        If the latest checkpoint belongs to another order of the rows.
    """
    checkpoint = latest(folder, lambda message: None)
    if checkpoint is not None and checkpoint.order != order:
        raise InputError(
            "The data set or its shards are not those that the run began with, so it can't go on: train again."
        )


def verify(record: Path) -> Checkpoint:
    """A checkpoint by its record, with its checksum compared.

    Raises
    ------
    DataError
        If it is damaged.
    """
    try:
        values = read_json(record)
        if values.pop("format") != _FORMAT:
            raise ValueError("it was written by another version")
        place = values.pop("place")
        place["totals"], place["callbacks"] = tuple(place["totals"]), tuple(place["callbacks"])
        place["history"] = {name: tuple(numbers) for name, numbers in place["history"].items()}
        checkpoint = Checkpoint(file=record.with_suffix(".npz"), place=Place(**place), **values)
        if checksum(checkpoint.file) != checkpoint.checksum:
            raise ValueError("its checksum is another one than when it was written")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"The checkpoint {record.stem} is damaged ({error}): the one before is taken.") from None
    return checkpoint


def load(checkpoint: Checkpoint) -> dict[str, list[NDArray[Any]]]:
    """The arrays of a verified checkpoint, by group."""
    groups: dict[str, list[NDArray[Any]]] = {}
    with np.load(checkpoint.file, allow_pickle=False) as arrays:
        for name in arrays.files:  # in the order in which they were written
            groups.setdefault(name.partition("-")[0], []).append(arrays[name])
    return groups


def save(folder: Path, number: int, place: Place, arrays: Arrays, order: str, keep: int) -> Checkpoint:
    """Write a checkpoint, then remove all but the latest `keep`.

    Raises
    ------
    OSError
        If it can't be written; those before are still there then.
    """
    record = folder / f"{number:010d}.json"
    with replacing_file(record.with_suffix(".npz")) as aside:
        with aside.open("wb") as stream:
            flat = {f"{group}-{i:05d}": array for group, values in arrays.items() for i, array in enumerate(values)}
            np.savez(stream, allow_pickle=False, **flat)  # type: ignore[arg-type]  # NumPy's stubs lump the names
        digest = checksum(aside)
    checkpoint = Checkpoint(record.with_suffix(".npz"), number, place, order, digest)
    fields = {key: value for key, value in asdict(checkpoint).items() if key != "file"}
    write_json(record, {"format": _FORMAT, **fields})
    for old in names(folder)[keep:]:
        old.unlink(missing_ok=True)
        old.with_suffix(".npz").unlink(missing_ok=True)
    return checkpoint


def why_not(error: OSError, folder: Path) -> str:
    """What to say of a checkpoint that could not be written."""
    reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error.strerror or error)
    return (
        f"A checkpoint could not be written to {folder}: {reason}. The training goes on; if it has to start again, it "
        "goes on from the checkpoint before."
    )


class Writer:
    """Writes checkpoints beside the training, one at a time.

    Parameters
    ----------
    folder, order, keep
        As for `save`.
    seconds
        How often one is due; more seldom where writing takes long, so that it is never more than a twentieth of the
        time.
    complain
        Told why one could not be written.
    """

    def __init__(self, folder: Path, order: str, keep: int, seconds: float, complain: Callable[[str], None]) -> None:
        self._folder, self._order, self._keep, self._complain = folder, order, keep, complain
        self._seconds = seconds
        self._last = time.monotonic()
        self._took = 0.0
        self._thread: threading.Thread | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is time for the next one, and the last is written."""
        is_busy = self._thread is not None and self._thread.is_alive()
        return not is_busy and time.monotonic() - self._last >= max(self._seconds, 20 * self._took)

    def write(self, number: int, place: Place, arrays: Arrays) -> None:
        """Begin to write; waits for the one before."""
        self.wait()
        self._last = time.monotonic()
        self._thread = threading.Thread(target=self._write, args=(number, place, arrays), daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until what was begun is written."""
        if self._thread is not None:
            self._thread.join()

    def _write(self, number: int, place: Place, arrays: Arrays) -> None:
        began = time.monotonic()
        try:
            save(self._folder, number, place, arrays, self._order, self._keep)
        except OSError as error:
            self._complain(why_not(error, self._folder))
        self._took = time.monotonic() - began
