"""What goes into a Keras model and comes out of it, by name, read from its file without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lepton_lab.errors import InputError
from lepton_lab.runtime._keras import read_config


@dataclass(frozen=True)
class Ends:
    """The inputs and outputs of a functional model."""

    inputs: Mapping[str, tuple[int, ...]]
    """Shape of one row by name."""
    outputs: tuple[str, ...]


def read_ends(path: Path) -> Ends:
    """The names that rows go in by and answers come out by: the layers', or those of a model made with dicts.

    Raises
    ------
    InputError
        If the file can't be read, or its model isn't a functional one.
    """
    config = read_config(path)[0]["config"]
    if not {"input_layers", "output_layers", "layers"} <= set(config):
        raise InputError(f"{path} holds no functional model: one with several inputs or outputs must be one.")
    try:
        shapes = {layer["config"]["name"]: _shape(layer["config"]) for layer in config["layers"]}
        inputs = {name: shapes[layer] for name, layer in _named(config["input_layers"]).items()}
        return Ends(inputs, tuple(_named(config["output_layers"])))
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise InputError(
            f"{path} can't be read: its inputs or outputs are damaged ({error!r}); save it again."
        ) from None


def _named(places: Any) -> dict[str, str]:
    """The layer's name by the name of an input or output; `places` as a config has them."""
    if isinstance(places, Mapping):
        return {name: place[0] for name, place in places.items()}
    if places and isinstance(places[0], str):
        places = [places]
    return {place[0]: place[0] for place in places}


def _shape(settings: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple((settings.get("batch_input_shape") or settings.get("batch_shape") or ())[1:])
