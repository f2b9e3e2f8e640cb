"""Models whose inputs leave a size open, as `keras.Input(shape=(None,))` does: it is taken from the rows to come.

Rows of a data set are all of one shape, and so are those that an exported file takes. So a model that is brought in for
a data set gets that one's sizes, in its file, before anything is made of it: nothing else in there asks for them.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from lepton_lab.errors import InputError
from lepton_lab.runtime import input_layers, is_same_row, read_config

Shape = tuple[int, ...]
_CONFIG = "config.json"
_SHAPES = ("batch_shape", "batch_input_shape")  # Keras 3's word, tf_keras's word


def with_sizes(file: Path, rows: Mapping[str, Shape], target: Path) -> tuple[str, ...]:
    """Write a `.keras` file anew with the open sizes of its inputs taken from rows, and say which they were.

    Parameters
    ----------
    rows
        The shape of one row for each input by name; a single one's name is "".
    target
        The file to write; nothing is written where no size is open.

    Raises
    ------
    InputError
        If the rows don't fit the sizes that are known.
    """
    config = read_config(file)[0]
    notes = []
    for name, layer in input_layers(config["config"]).items():
        settings = layer["config"]
        key = next((key for key in _SHAPES if settings.get(key)), None)
        own = rows.get(name, rows.get("") if len(rows) == 1 else None)
        if key is None or own is None or None not in settings[key][1:]:
            continue
        open_shape = tuple(settings[key][1:])
        found = _filled(open_shape, own)
        settings[key] = [settings[key][0], *found]
        notes.append(f"its input shape {open_shape} was taken as {found}, which its rows have")
    if notes:
        with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as made:
            for entry in source.infolist():
                content = json.dumps(config).encode() if entry.filename == _CONFIG else source.read(entry)
                made.writestr(entry, content)
    return tuple(notes)


def _filled(shape: tuple[int | None, ...], own: Shape) -> Shape:
    """An open shape with the sizes of a row."""
    for row in (own, (*own, 1), own[:-1]):
        same = len(row) == len(shape) and all(size in (None, other) for size, other in zip(shape, row, strict=True))
        if same and (row == own or is_same_row(row, own)):
            return row
    raise InputError(f"The model's input shape is {shape}, and rows of shape {own} don't fit it.")
