"""What the weights inside a `.keras` file may not be: an HDF5 file can have its numbers lie in other files.

HDF5 has four ways to that: a data set's external storage, a virtual data set, a link to an object in another file, and
a filter that is loaded as a plugin. Read by Keras, each would bring what lies on the reader's machine into the model,
from where it leaves again with an export. Keras writes none of them, so the whole tree is looked at before it reads
any.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

WEIGHTS = "model.weights.h5"
"""The member of a `.keras` file."""
_MAX_EXPANSION = 100
"""Keras writes weights as they are; what grows more than this when it is read is no model."""

_FILTERS = frozenset((1, 2, 3, 4, 5, 6))
"""By number those that HDF5 has itself (deflate, shuffle, fletcher32, szip, nbit, scaleoffset); others are plugins."""


def check_weights(path: Path) -> None:
    """Refuse a `.keras` file whose weights would be read from elsewhere, or grow beyond all measure.

    Raises
    ------
    ValueError
        Says which of them.
    OSError
        If the weights are no HDF5 file.
    """
    import h5py

    with zipfile.ZipFile(path) as archive:
        if WEIGHTS not in archive.namelist():  # Keras says so itself
            return
        content = io.BytesIO(archive.read(WEIGHTS))
    size = max(len(content.getbuffer()), 2**20)
    with h5py.File(content, "r") as file:
        seen: set[Any] = set()
        waiting, total = [file["/"]], 0
        while waiting:  # no recursion: a file decides how deep it is
            group = waiting.pop()
            for name in group:
                where = f"{group.name.rstrip('/')}/{name}"[-80:]
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"its weights have a link at {where!r}, which Keras doesn't write")
                found = group[name]
                if found.id in seen:  # a group may hold itself
                    continue
                seen.add(found.id)
                if isinstance(found, h5py.Group):
                    waiting.append(found)
                elif isinstance(found, h5py.Dataset):
                    if what := _elsewhere(found):
                        raise ValueError(f"its weights {where!r} {what}, which Keras doesn't write")
                    total += (found.size or 0) * found.dtype.itemsize
                    if total > _MAX_EXPANSION * size:
                        raise ValueError(f"its weights grow to more than {_MAX_EXPANSION} times their size")


def _elsewhere(weights: Any) -> str:
    """Where a data set's numbers come from, if not from its own file as they are; empty if they do."""
    if weights.is_virtual:
        return "are a virtual data set"
    if weights.external:
        return f"lie in another file, {weights.external[0][0][-80:]!r}"
    settings = weights.id.get_create_plist()
    numbers = [settings.get_filter(place)[0] for place in range(settings.get_nfilters())]
    if not _FILTERS.issuperset(numbers):
        return "go through a filter that isn't HDF5's own"
    return ""
