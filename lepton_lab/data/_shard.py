"""A data set's training rows, cut into shards on disk: `shard-00000/x.npy`, `y.npy` and so on, and `shards.json`.

Weights, `w.npy` in each shard, are there where the data set has some.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lepton_lab.data._assign import VERSION, Cut, assign
from lepton_lab.data._base import Ticker, one_line
from lepton_lab.data._blocks import Part, write_npy
from lepton_lab.data._store import open_split, open_weights
from lepton_lab.errors import DataError, InputError
from lepton_lab.events import Report, ignore
from lepton_lab.files import checksum, read_json, replacing_folder, write_json
from lepton_lab.types import Dataset, Shard, ShardSet

_RECORD = "shards.json"
_FORMAT = 1


def shard(
    dataset: Dataset,
    folder: Path,
    *,
    num_shards: int = 8,
    by: str = "hash",
    key: str | None = None,
    alpha: float = 0.5,
    seed: int = 0,
    replicas: int | None = None,
    report: Report = ignore,
) -> ShardSet:
    """Cut the training rows into shards; each row is in exactly one. They are copied a block at a time.

    Parameters
    ----------
    folder
        The shard set's own folder, which is replaced once the new one is whole.
    by
        One of `SHARDINGS`; see `_assign`.
    key
        The column to go by, for `hash` and `range`; without it, the whole row or its place.
    alpha
        How little `dirichlet` skews.
    seed
        For `stratified` and `dirichlet`.
    replicas
        On how many nodes each is to be placed; see `ShardSet`.

    Raises
    ------
    InputError
        If the rows can't be cut as asked; nothing is written then.
    """
    tell = Ticker(report, f"data shard {dataset.name}")
    x, y = open_split(dataset, "train")
    weights = open_weights(dataset)
    arrays = {"x": x, "y": y, **({} if weights is None else {"w": weights})}
    assigned = assign(by, Cut(dataset, x, y, num_shards, key, alpha, seed))
    order = np.argsort(assigned, kind="stable")
    ends = np.cumsum(np.bincount(assigned, minlength=num_shards))
    folder, shards = Path(folder), []
    with replacing_folder(folder) as aside:
        for index, rows in enumerate(np.split(order, ends[:-1])):
            tell(f"writing shard {index + 1} of {num_shards}", index / num_shards)
            part = aside / _name(index)
            part.mkdir()
            files = [part / f"{name}.npy" for name in arrays]
            for file, array in zip(files, arrays.values(), strict=True):
                write_npy(file, Part(array, array.dtype, rows))
            num_bytes = sum(file.stat().st_size for file in files)
            shards.append(Shard(index, folder / part.name, len(rows), num_bytes, checksum(*files)))
        result = ShardSet(dataset.name, folder, by, tuple(shards), VERSION, dataset.weighted, replicas)
        _write(aside, result)
    tell(f"{num_shards} shards", 1.0)
    return result


def save_shards(shards: ShardSet) -> None:
    """Write the record of the shards and of where they lie (after `place`)."""
    if not shards.folder.is_dir():
        raise InputError(f"{shards.folder} holds no shards: shard the data set first")
    _write(shards.folder, shards)


def read_shards(folder: Path) -> ShardSet:
    """The shards in this folder.

    Raises
    ------
    InputError
        If there are none.
    DataError
        If their record is damaged.
    """
    folder = Path(folder)
    path = folder / _RECORD
    if not path.is_file():
        raise InputError(f"{folder} holds no shards (there is no {_RECORD}): shard the data set first")
    try:
        record = read_json(path)
        if record["format"] != _FORMAT:
            raise DataError(f"{path} was written by another version of Lepton Lab: shard the data set again")
        shards = tuple(
            Shard(
                item["index"],
                folder / _name(item["index"]),
                item["rows"],
                item["num_bytes"],
                item["checksum"],
                tuple(item["nodes"]),
            )
            for item in record["shards"]
        )
        weighted = record.get("weighted", False)  # shards of the first version have no weights
        replicas = record.get("replicas", 1)  # nor more than one copy each
        return ShardSet(record["dataset"], folder, record["by"], shards, record["version"], weighted, replicas)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is damaged ({type(error).__name__}: {one_line(error)}): shard the data set again"
        ) from None


def _name(index: int) -> str:
    return f"shard-{index:05d}"


def _write(folder: Path, shards: ShardSet) -> None:
    # without paths, so that a workspace can be moved
    items = [
        {
            "index": part.index,
            "rows": part.rows,
            "num_bytes": part.num_bytes,
            "checksum": part.checksum,
            "nodes": list(part.nodes),
        }
        for part in shards.shards
    ]
    record = {"format": _FORMAT, "dataset": shards.dataset, "by": shards.by, "version": shards.version, "shards": items}
    write_json(folder / _RECORD, record | {"weighted": shards.weighted, "replicas": shards.replicas})
