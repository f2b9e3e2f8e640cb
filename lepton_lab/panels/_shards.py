"""Which shard lies on which worker, and how much each worker holds."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Protocol

from lepton_lab.display import Table, size
from lepton_lab.errors import LeptonError
from lepton_lab.events import ClusterChanged, Event, NamesChanged, RunChanged
from lepton_lab.panels._base import HasEvents, Panel
from lepton_lab.panels._picture import Bar, BarPlot, Look, Mark, Picture, natural, styles
from lepton_lab.types import Shard, ShardSet

NOWHERE = "no worker"
"""Where a shard lies that no worker holds yet."""
MOST_PARTS = 400
"""With more shards than this, those of one data set on one worker are drawn as one part."""
PALE = 0.6
"""Opacity of every second shard."""


class HasShardSets(Protocol):
    """The lab's data sets, as far as this panel needs them."""

    def shard_sets(self) -> list[ShardSet]:
        """The shards of every data set that has some."""


class HasShards(HasEvents, Protocol):
    """The part of a lab that this panel needs."""

    @property
    def data(self) -> HasShardSets:
        """The lab's data sets."""


class ShardsPanel(Panel):
    """A bar for each worker, with a part for each shard that it holds; ends when the cluster goes down."""

    name = "shards"
    listens = (NamesChanged, ClusterChanged, RunChanged)  # a run places shards anew if workers came or went

    def __init__(self, lab: HasShards) -> None:
        self._data = lab.data
        self._is_due = True
        self._sets: tuple[ShardSet, ...] = ()
        super().__init__(lab)

    def _take(self, event: Event) -> bool:
        self._is_due |= not isinstance(event, NamesChanged) or event.kind in ("data set", "shard set")
        return isinstance(event, ClusterChanged) and event.state == "down"

    def _gather(self) -> None:
        if not self._is_due:
            return
        self._is_due = False
        try:
            self._sets = tuple(self._data.shard_sets())
        except (LeptonError, OSError):  # they are being replaced, of which an event will tell
            self._is_due = True

    def _placed(self) -> dict[str, list[tuple[str, Shard]]]:
        """Data set and shard, by the worker that holds it."""
        placed = defaultdict(list)
        for shard_set in self._sets:
            for shard in shard_set.shards:
                for node in shard.nodes or (NOWHERE,):
                    placed[node].append((shard_set.dataset, shard))
        names = natural(name for name in placed if name != NOWHERE)
        return {name: placed[name] for name in (*names, *([NOWHERE] if NOWHERE in placed else []))}

    def _picture(self) -> Picture:
        placed, look = self._placed(), styles(shard_set.dataset for shard_set in self._sets)
        largest = max((sum(shard.num_bytes for _, shard in held) for held in placed.values()), default=0)
        unit, scale = unit_for(largest)
        many = sum(map(len, placed.values())) > MOST_PARTS
        bars = [bar for name, held in placed.items() for bar in _parts(name, held, look, scale, many)]
        plot = BarPlot(f"Shards on each worker, {unit}", tuple(placed), tuple(bars))
        legend = tuple(Mark(name, color, shape="square") for name, (color, _) in look.items())
        return Picture(self._title(), (plot,) if placed else (), legend)

    def _title(self) -> str:
        if not self._sets:
            return "Shards: no data set has any yet"
        num = sum(len(shard_set.shards) for shard_set in self._sets)
        return f"{num:,} shards of {', '.join(natural(shard_set.dataset for shard_set in self._sets))}"

    def table(self) -> Table:
        self._gather()
        with self._lock:
            rows = [
                (
                    name,
                    dataset,
                    ", ".join(str(shard.index) for shard in shards[:20]) + (", ..." if len(shards) > 20 else ""),
                    f"{sum(shard.rows for shard in shards):,}",
                    size(sum(shard.num_bytes for shard in shards)),
                )
                for name, held in self._placed().items()
                for dataset, shards in _by_dataset(held).items()
            ]
            return Table(self._title(), ("worker", "data set", "shards", "rows", "bytes"), rows)


def unit_for(num_bytes: float) -> tuple[str, float]:
    """The unit in which this many bytes read best, and how many bytes it has."""
    power = min(3, int(math.log10(max(num_bytes, 1)) // 3))
    return ("B", "kB", "MB", "GB")[power], 1000.0**power


def _by_dataset(held: list[tuple[str, Shard]]) -> dict[str, list[Shard]]:
    shards = defaultdict(list)
    for dataset, shard in held:
        shards[dataset].append(shard)
    return shards


def _parts(place: str, held: list[tuple[str, Shard]], look: dict[str, Look], scale: float, many: bool) -> list[Bar]:
    """A worker's bar."""
    groups = [
        (dataset, group)
        for dataset, shards in _by_dataset(held).items()
        for group in ([shards] if many else [[shard] for shard in shards])
    ]
    bars = []
    for i, (dataset, shards) in enumerate(groups):
        num_rows, num_bytes = sum(shard.rows for shard in shards), sum(shard.num_bytes for shard in shards)
        what = f"shard {shards[0].index}" if len(shards) == 1 else f"{len(shards)} shards"
        words = f"{dataset}, {what}: {num_rows:,} rows, {size(num_bytes)}"
        bars.append(Bar(place, num_bytes / scale, look[dataset][0], words, PALE if i % 2 else 1.0))
    return bars


PANEL = ShardsPanel
