"""Keras models from their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lepton_lab.errors import InputError


def load_keras(path: Path) -> Any:
    """The tf_keras model in a `.keras` file, not compiled.

    Code inside the file (a `Lambda` layer's, say) is never run.

    Raises
    ------
    InputError
        If the file is missing, cut short, or holds something that tf_keras can't load safely.
    """
    import tf_keras

    if not path.is_file():
        raise InputError(f"The model's file {path} is missing; make the model again, or drop it.")
    try:
        return tf_keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # tf_keras raises whatever zipfile, h5py, json or a layer raised
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{path} can't be loaded as a Keras model: {reason or type(error).__name__}") from error
