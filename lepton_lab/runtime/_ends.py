"""What goes into a Keras model or a `.tflite` file and comes out of it, by name, read without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lepton_lab.errors import InputError
from lepton_lab.runtime._keras import layers_of, read_config
from lepton_lab.runtime._keras3 import unique_names

NAMED = ("keras", "tflite")
"""Formats of files that `read_ends` reads."""


@dataclass(frozen=True)
class Ends:
    """The inputs and outputs of a functional model, or of a `.tflite` file."""

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
    if path.suffix == ".tflite":
        return _ends_of_tflite(path)
    config = read_config(path)[0]["config"]
    if not {"input_layers", "output_layers", "layers"} <= set(config):
        raise InputError(f"{path} holds no functional model: one with several inputs or outputs must be one.")
    try:
        inputs = {name: _shape(layer["config"]) for name, layer in input_layers(config).items()}
        return Ends(inputs, tuple(named_places(config["output_layers"])))
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise InputError(
            f"{path} can't be read: its inputs or outputs are damaged ({error!r}); save it again."
        ) from None


def _ends_of_tflite(path: Path) -> Ends:
    """The names of a file's signature, or where it has none, of its tensors."""
    from ai_edge_litert import schema_py_generated as schema

    try:
        model = schema.Model.GetRootAs(path.read_bytes(), 0)
        graph = model.Subgraphs(0)
        if model.SignatureDefsLength():
            signature = model.SignatureDefs(0)
            parts = [signature.Inputs(n) for n in range(signature.InputsLength())]
            inputs = {part.Name().decode(): part.TensorIndex() for part in parts}
            outputs = [signature.Outputs(n).Name().decode() for n in range(signature.OutputsLength())]
        else:
            inputs = {graph.Tensors(index).Name().decode(): index for index in graph.InputsAsNumpy()}
            outputs = [graph.Tensors(index).Name().decode() for index in graph.OutputsAsNumpy()]
        tensors = {name: graph.Tensors(index) for name, index in inputs.items()}
        shapes = {
            name: tensor.ShapeSignatureAsNumpy() if tensor.ShapeSignatureLength() else tensor.ShapeAsNumpy()
            for name, tensor in tensors.items()
        }
    except Exception as error:  # a damaged file raises whatever struct, NumPy or flatbuffers raise
        raise InputError(f"{path} can't be read ({error!r}): make it again.") from None
    rows = {name: tuple(None if size < 0 else int(size) for size in shape[1:]) for name, shape in shapes.items()}
    return Ends(rows, tuple(outputs))  # type: ignore[arg-type]  # as of a Keras model, None is any size


def input_layers(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The entries of a model's own input layers in its config, by the input's name; "" where a Sequential has one."""
    if "input_layers" not in config:
        first = config["layers"][0]
        return {"": first} if first["class_name"] == "InputLayer" else {}
    layers = {layer["config"]["name"]: layer for layer in config["layers"]}
    return {name: layers[place[0]] for name, place in named_places(config["input_layers"]).items()}


def takes_text(path: Path) -> bool:
    """Whether an input of a Keras model takes text, by its file."""
    layers = layers_of(read_config(path)[0]["config"])
    return any(layer["class_name"] == "InputLayer" and layer["config"].get("dtype") == "string" for layer in layers)


def named_places(ends: Any) -> dict[str, Any]:
    """The places in the graph, `[layer, node, tensor]`, of inputs or outputs as a model's config has them, by name."""
    if isinstance(ends, Mapping):
        return dict(ends)
    if ends and isinstance(ends[0], str):
        ends = [ends]
    return dict(zip(unique_names(place[0] for place in ends), ends, strict=True))


def _shape(settings: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple((settings.get("batch_input_shape") or settings.get("batch_shape") or ())[1:])
