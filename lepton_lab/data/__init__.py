"""Stage 1: sources become data sets on disk, and data sets become shards.

`load` reads a source, checks it, splits it and writes it; `shard` cuts the training rows into shards with a checksum
each; `place` says which node is to hold which shard, and `spread` brings it there; `open_rows` reads them back,
memory-mapped, in a training process, and `open_shard` one of them on any worker; `locate` says where that is near.
Importing this package loads NumPy and nothing heavier.
"""

from lepton_lab.data._assign import SHARDINGS
from lepton_lab.data._base import dialect
from lepton_lab.data._cut import cut
from lepton_lab.data._format import SOURCES, default_name
from lepton_lab.data._load import load
from lepton_lab.data._locate import locate
from lepton_lab.data._place import place
from lepton_lab.data._rows import Rows, open_rows, open_shard
from lepton_lab.data._sample import sample
from lepton_lab.data._shard import read_shards, save_shards, shard
from lepton_lab.data._spread import forget, spread
from lepton_lab.data._store import open_split, read
from lepton_lab.data._tables import is_frame
from lepton_lab.data._target import TASKS

__all__ = [
    "SHARDINGS",
    "SOURCES",
    "TASKS",
    "Rows",
    "cut",
    "default_name",
    "dialect",
    "forget",
    "is_frame",
    "load",
    "locate",
    "open_rows",
    "open_shard",
    "open_split",
    "place",
    "read",
    "read_shards",
    "sample",
    "save_shards",
    "shard",
    "spread",
]
