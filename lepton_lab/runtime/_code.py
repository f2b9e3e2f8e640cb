"""The code of one's own that a model was made by: layers, losses and metrics that are not Keras's.

It lies beside the model as `code.py`. It is run only where a caller names that file, and the lab names it only if this
user wrote it (see `lab/_code.py`); nothing in a `.keras` file can name it.
"""

from __future__ import annotations

import inspect
import linecache
import traceback
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lepton_lab.errors import InputError, UserCodeError

CODE = "code.py"
"""The file's name, beside the model."""
MODULE = "builder"
"""What the code's module is called, also by the models that use it."""


def add_source(file: str, text: str) -> None:
    """Make the text of code known that no file holds.

    Tracebacks show its lines then, and AutoGraph finds them, which makes what asks tensors (`if tf.reduce_sum(x) > 0`)
    a part of the graph.
    """
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)


@cache  # a class that is made twice is two classes, and Keras registers none twice
def run_code(source: str) -> dict[str, Any]:
    """Run a model's code and return its names; it sees tf_keras as `keras` and `tf_keras`, and `tf`, `np`.

    Raises
    ------
    UserCodeError
        If it raises.
    """
    import numpy as np
    import tensorflow as tf
    import tf_keras

    namespace: dict[str, Any] = {"keras": tf_keras, "tf_keras": tf_keras, "tf": tf, "np": np, "__name__": MODULE}
    file = f"<{MODULE} {zlib.crc32(source.encode()):08x}>"
    add_source(file, source)
    try:
        exec(compile(source, file, "exec"), namespace)  # the user's own, in a process of its own
    except Exception as error:
        raise UserCodeError(f"build() raised {type(error).__name__}: {error}", traceback.format_exc()) from None
    return namespace


def own_names(source: str) -> dict[str, Any]:
    """The classes and functions that a model's code defines, by name, but for `build`."""
    return {
        name: value
        for name, value in run_code(source).items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == MODULE and name != "build"
    }


def own_names_in(code: Path | None) -> dict[str, Any]:
    """The same for the file that holds the code; nothing for None.

    Raises
    ------
    InputError
        If the file can't be read.
    """
    if code is None:
        return {}
    try:
        return own_names(code.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The model's code {code} can't be read ({error}): make the model again.") from None


def by_registered_name(own: Mapping[str, Any]) -> dict[str, Any]:
    """What a model's file calls each of them."""
    import tf_keras

    return {tf_keras.saving.get_registered_name(value): value for value in own.values()}
