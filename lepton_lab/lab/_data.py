"""`lab.data`: load, look at, shard and drop data sets."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab import data as stage
from lepton_lab.errors import InputError, LeptonError, UnknownNameError
from lepton_lab.events import NamesChanged
from lepton_lab.lab import _shards
from lepton_lab.lab._variables import note_rows
from lepton_lab.lab._verbs import verbs
from lepton_lab.lab._workspace import check_name
from lepton_lab.types import Dataset, Held, Listing, ShardSet

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab


@verbs
class DataNoun:
    """The lab's data sets and their shards."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def names(self) -> tuple[str, ...]:
        """Names of the data sets."""
        return self._lab.workspace.names("data", "dataset.json")

    def get(self, name: str) -> Dataset:
        """A data set.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        if not self._lab.workspace.has("data", name, "dataset.json"):
            source = name if Path(name).expanduser().is_file() else "SOURCE"
            raise UnknownNameError("data set", name, self.names(), f"Load one: %lepton data load {source}.")
        return stage.read(self._lab.workspace.path("data", name))

    def load(
        self,
        source: object,
        *,
        name: str | None = None,
        label: str | int | Sequence[str | int] | None = None,
        task: str | None = None,
        weight: str | int | None = None,
        weights: object = None,
        drop: str | int | Sequence[str | int] | None = None,
        sep: str | None = None,
        decimal: str | None = None,
        encoding: str | None = None,
        na_values: str | float | Sequence[str | float] | None = None,
        no_header: bool = False,
        format: str | None = None,
        test_share: float = 0.2,
        seed: int = 0,
    ) -> Dataset:
        """Read a source into the lab, in place of an earlier data set of that name.

        Parameters
        ----------
        source
            `"digits"`; a path (a folder of IDX files or with `x.npy` and `y.npy`, `.npz`, `.csv`, `.parquet`); `(x, y)`
            arrays, or the paths of two `.npy` files; a dict with Keras's keys `x_train, y_train, x_test, y_test`; a
            pandas frame, or `(X, y)` of pandas. An x or y in memory may be a dict of arrays: several inputs, several
            targets.
        name
            What to call it; by default after the source.
        label
            The label's column, for tables; several with commas between, or in a list.
        task
            One of `lepton_lab.data.TASKS`: what labels are, where what would be guessed of them isn't meant.
        weight
            The column that says how much each row counts in training, for tables.
        weights
            The same for arrays: one number a training row. `(x, y, weights)` as the source says it too.
        drop
            The columns to leave out, for tables; several with commas between, or in a list.
        sep, decimal, encoding, na_values, no_header
            How a CSV file is written, with pandas' meanings, where that isn't to be found out: between two values;
            before a number's fraction; how its bytes are text; texts that mean a missing value, besides the usual ones
            (several with commas between, or in a list); whether its first line is a row, so that columns are called 0,
            1, ...
        format
            One of `lepton_lab.data.SOURCES`, where the path doesn't tell.
        test_share
            Share of rows held out as the test split where the source has none; 0 for none.
        seed
            Of that choice.
        """
        is_variable = isinstance(name, Held) and weights is None
        name = check_name("data set", str(name or stage.default_name(source)))
        self._lab.run.check_unused("data set", name)
        options: dict[str, Any] = {
            "label": label,
            "task": task,
            "weight": weight,
            "drop": drop,
            "format": format,
            "test_share": test_share,
            "seed": seed,
        }
        try:
            dataset = stage.load(
                source,
                name,
                self._lab.workspace.path("data", name),
                weights=weights,
                dialect=stage.dialect(sep, decimal, encoding, na_values, no_header),
                report=self._lab.events.publish,
                **options,
            )
        except LeptonError as error:
            if isinstance(source, Held):
                error.args = (f"{str(error).rstrip('.')} ({source} here is not the notebook's variable of that name).",)
            raise
        if not isinstance(source, str | Path):
            note_rows(dataset, source, options if is_variable else None)
        _shards.drop(self._lab, name)  # they were cut from other rows
        self._lab.events.publish(NamesChanged("data set", name))
        return dataset

    def list(self) -> Listing:
        """All data sets."""
        shards = {shard_set.dataset: shard_set for shard_set in self.shard_sets()}
        rows = [
            (
                d.name,
                f"{sum(d.splits.values()):,}",
                ", ".join(f"{name} {shape}" for name, (shape, _) in d.inputs.items()) or d.input_shape,
                ", ".join(f"{name} {target.kind}" for name, target in d.targets.items()) or d.target.kind,
                f"{len(shards[d.name].shards)} by {shards[d.name].by}" if d.name in shards else "-",
                d.source,
            )
            for d in map(self.get, self.names())
        ]
        return Listing(
            "Data sets",
            ("name", "rows", "row shape", "target", "shards", "source"),
            tuple(rows),
            "none yet: %lepton data load digits",
        )

    def show(self, name: str, *, rows: int = 12) -> Dataset:
        """A data set, with pictures of some rows where they are images."""
        return stage.sample(self.get(name), rows=rows)

    def split(self, source: str, *, name: str | None = None, share: float = 0.1, seed: int = 0) -> Dataset:
        """Make a data set of another's training rows, some of them held out as its test split: to choose by.

        Parameters
        ----------
        source
            The data set whose training rows are taken; its test split stays untouched.
        name
            Of the new one; by default the source's with `-choice` behind it.
        share
            Part of the rows to hold out.
        seed
            Of that choice.
        """
        dataset = self.get(source)
        name = check_name("data set", name or f"{source}-choice")
        if name == source:
            raise InputError(f"--name is that of the source, {source!r}: give another.")
        self._lab.run.check_unused("data set", name)
        folder = self._lab.workspace.path("data", name)
        made = stage.cut(dataset, name, folder, share=share, seed=seed, report=self._lab.events.publish)
        _shards.drop(self._lab, name)  # of the earlier one
        self._lab.events.publish(NamesChanged("data set", name))
        return made

    def drop(self, name: str) -> Listing:
        """Remove a data set and its shards."""
        self.get(name)
        self._lab.run.check_unused("data set", name)
        _shards.drop(self._lab, name)
        self._lab.workspace.drop("data", name)
        self._lab.events.publish(NamesChanged("data set", name))
        return self.list()

    def shard(
        self,
        name: str,
        *,
        shards: int = 8,
        by: str = "hash",
        key: str | None = None,
        alpha: float = 0.5,
        seed: int = 0,
        replicas: int | None = None,
    ) -> ShardSet:
        """Cut a data set's training rows into shards and place them on the workers, the least loaded first.

        Parameters
        ----------
        shards
            How many.
        by
            One of `lepton_lab.data.SHARDINGS`.
        key
            Column to hash; by default the whole row.
        alpha
            Of `dirichlet`: the smaller, the more skewed the labels.
        seed
            Of `dirichlet` and `stratified`.
        replicas
            On how many workers each shard is to be, on several hosts if there are; None: on 2 where the cluster has
            several hosts, else on 1.
        """
        dataset = self.get(name)
        self._lab.run.check_unused("data set", name)
        return _shards.cut(self._lab, dataset, replicas, num_shards=shards, by=by, key=key, alpha=alpha, seed=seed)

    def place(self, name: str, *, replicas: int | None = None) -> ShardSet:
        """Place a data set's shards on the workers that there are now: missing copies are made, the load is evened.

        All checksums are compared. A damaged copy is made anew, and so are damaged files of the workspace, from a copy.

        Parameters
        ----------
        replicas
            On how many workers each shard is to be from now on; None leaves that as it is.

        Raises
        ------
        InputError
            If the data set has no shards, or the cluster has fewer workers than that.
        DataError
            If a shard is damaged of which nobody has a copy.
        ClusterError
            If there is no cluster, or copies could not be made.
        """
        self.get(name)
        if name not in _shards.names(self._lab):
            raise InputError(f"The data set {name!r} has no shards yet: %lepton data shard {name}.")
        return _shards.place(self._lab, name, replicas=replicas, deep=True)

    def replace_lost(self) -> tuple[ShardSet, ...]:
        """Place the shards of all data sets on the workers that there are now, for when workers came or went.

        Only what has too few copies is copied, and only as much moves as evens the load; with nothing to do it costs a
        question to each worker. It may be called from any thread, and again and again. What could not be placed is told
        as `Progress` and left for the next time.

        Returns
        -------
        The shard sets that lie elsewhere now.
        """
        return _shards.place_all(self._lab)

    def leave(self, workers: Collection[str]) -> tuple[ShardSet, ...]:
        """Have workers that are to go, by name, give their shards to those that stay; returns when they have."""
        return _shards.place_all(self._lab, workers) if workers else ()

    def shard_sets(self) -> builtins.list[ShardSet]:
        """The shards of every data set that has some."""
        return [_shards.read(self._lab, name) for name in _shards.names(self._lab)]

    def shards_for_training(self, dataset: Dataset) -> ShardSet:
        """A data set's shards, cut now if they aren't yet, and placed anew if workers came or went."""
        if dataset.name not in _shards.names(self._lab):
            # Round-robin never leaves a shard empty, however few rows there are or how often each is there.
            return self.shard(dataset.name, shards=min(8, dataset.splits["train"]), by="round_robin")
        return _shards.place_for_training(self._lab, dataset.name)
