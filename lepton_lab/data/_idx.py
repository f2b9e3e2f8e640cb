"""IDX files, the format of MNIST and its relatives: a folder with images and labels, gzipped or plain.

Format: http://yann.lecun.com/exdb/mnist/ - two zero bytes, a type code, the number of dimensions, each dimension as a
big-endian int32, then the values.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from lepton_lab.data._base import Array, Columns, Raw, Ticker, file_head, one_line
from lepton_lab.errors import DataError, InputError
from lepton_lab.events import Report

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PREFIXES = {"train": "train", "test": "t10k"}


def read(source: object, columns: Columns, report: Report) -> Raw:
    """The folder's images, with a channel axis, and labels; `t10k-...` files, if any, become the test split."""
    folder = Path(str(source)).expanduser()
    columns.refuse(str(folder))
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder, expected one with train-images-idx3-ubyte and train-labels-idx1-ubyte"
        )
    pairs = {split: _pair(folder, prefix) for split, prefix in _PREFIXES.items()}
    tell = Ticker(report, f"data load {folder.name}")
    splits = {}
    for split, pair in pairs.items():
        if pair:
            tell(f"reading {pair[0].name}")
            images = read_idx(pair[0])
            splits[split] = (images[..., None] if images.ndim == 3 else images, read_idx(pair[1]))
    return Raw(splits, str(folder), "digit" if folder.name == "mnist" else "label")


def is_idx_folder(folder: Path) -> bool:
    """Whether there is a file in it that is named as IDX training images are."""
    return _find(folder, "train-images") is not None


def read_idx(path: Path) -> Array:
    """The array in one IDX file, of the shape and the type that its header tells.

    Raises
    ------
    DataError
        If it is no IDX file or ends too early.
    """
    packed = file_head(path).startswith(b"\x1f\x8b")
    try:
        content = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file ({one_line(error)}): get it again") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES or not content[3]:
        raise DataError(f"{path} is no IDX file: it starts with {content[:4].hex()}, expected 0000, a type and a rank")
    dtype, rank = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 + 4 * rank
    shape = struct.unpack(f">{rank}I", content[4:start]) if len(content) >= start else (0,)
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) < start or len(content) != expected:
        raise DataError(f"{path} has {len(content):,} bytes, its header says {expected:,}: get the file again")
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _pair(folder: Path, prefix: str) -> tuple[Path, Path] | None:
    """Image and label file of one split; None where both are missing and that is allowed."""
    images, labels = _find(folder, f"{prefix}-images"), _find(folder, f"{prefix}-labels")
    if images and labels:
        return images, labels
    if prefix == "t10k" and not images and not labels:
        return None
    wanted = f"{prefix}-labels-idx1-ubyte" if images else f"{prefix}-images-idx3-ubyte"
    raise InputError(f"{folder} has no {wanted} (plain or .gz), expected images and labels of MNIST's names")


def _find(folder: Path, stem: str) -> Path | None:
    """The file of this name, with a dash or a dot before `idx` (both are in use), plain before gzipped."""
    found = [path for pattern in (f"{stem}[-.]idx?-ubyte", f"{stem}[-.]idx?-ubyte.gz") for path in folder.glob(pattern)]
    return found[0] if found else None
