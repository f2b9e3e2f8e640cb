"""A SavedModel's folder: TensorFlow's own format, written and run."""

from __future__ import annotations

import errno
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import ConversionError, InputError
from lepton_lab.files import read_json, write_json
from lepton_lab.runtime._base import Port, as_answers, as_inputs
from lepton_lab.runtime._keras import one_line
from lepton_lab.runtime._keras3 import (
    input_names,
    is_keras3,
    library_of,
    name_scopes,
    named_answers,
    plain_variables,
    row_specs,
    still,
)
from lepton_lab.runtime._operations import check_operations

SIGNATURE = "serving_default"
"""Of what is run."""
SAVED_MODEL_GRAPH = "saved_model.pb"
"""What tells a SavedModel's folder from others."""
_CONFIG = Path("assets.extra", "keras.json")  # TensorFlow leaves this folder to whoever writes a SavedModel
_VARIABLES = Path("variables", "variables")


def write_saved_model(model: Any, folder: Path, config: Mapping[str, Any] | None = None) -> None:
    """Write a tf_keras or Keras 3 model, so that it takes any number of rows.

    Parameters
    ----------
    config
        The model's, as `read_config` gives it: `read_saved_keras` finds it again.

    Raises
    ------
    OSError
        If the folder can't be written.
    ConversionError
        If TensorFlow can't save the model.
    """
    import tensorflow as tf

    module = servable(model)
    try:
        tf.saved_model.save(module, str(folder), signatures={SIGNATURE: module.serve.get_concrete_function()})
    except tf.errors.OpError as error:  # TensorFlow writes files itself, and has errors of its own
        is_full = isinstance(error, tf.errors.ResourceExhaustedError)
        raise OSError(*((errno.ENOSPC, os.strerror(errno.ENOSPC)) if is_full else (one_line(error),))) from None
    except (AssertionError, ValueError, TypeError, NotImplementedError) as error:  # as TensorFlow refuses a graph
        odd = [name for name in input_names(model) if not re.fullmatch(r"\w+", name)]
        if odd and "argument names" in str(error):
            raise ConversionError(
                f"The model can't become a SavedModel, whose inputs' names are letters, digits and _ only: rename its "
                f"input {odd[0]!r}, or export it as another format."
            ) from None
        raise ConversionError(f"The model can't become a SavedModel: {one_line(error)}.") from error
    if config is not None:
        write_json(folder / _CONFIG, {**config, "keras_version": library_of(model).__version__})


def servable(model: Any) -> Any:
    """A TensorFlow module whose function `serve` answers as the model does, by the names of its inputs and outputs."""
    import tensorflow as tf

    still(model)
    if is_keras3(model):
        name_scopes(model)
    module = tf.Module()
    module.weights = plain_variables(model.weights)  # in the checkpoint they are weights/0, weights/1, ...
    module.tables = list(tables_of(model).values())
    module.serve = tf.function(lambda *rows: named_answers(model, rows), input_signature=row_specs(model))
    return module


def tables_of(model: Any) -> dict[str, Any]:
    """TensorFlow's tables in which a model's layers look up words and numbers, by a layer's name."""
    found = {layer.name: getattr(layer, "lookup_table", None) for layer in model._flatten_layers()}
    return {name: table for name, table in found.items() if hasattr(table, "resource_handle")}


def read_saved_keras(folder: Path) -> tuple[dict[str, Any], list[NDArray[Any]], str] | None:
    """Config, weights and Keras's version of the model that `write_saved_model` wrote; None of another SavedModel.

    Nothing of the graph is loaded, and the config isn't looked at; how the model was compiled is left out.

    Raises
    ------
    InputError
        If they are damaged.
    """
    import tensorflow as tf

    if not (folder / _CONFIG).is_file():
        return None
    try:
        config = dict(read_json(folder / _CONFIG))
        config.pop("compile_config", None)
        version = str(config.pop("keras_version", ""))  # not in those of tf_keras that were written earlier
        reader = tf.train.load_checkpoint(str(folder / _VARIABLES))
        keys = [f"weights/{n}/.ATTRIBUTES/VARIABLE_VALUE" for n in range(len(reader.get_variable_to_shape_map()))]
        return config, [reader.get_tensor(key) for key in keys if reader.has_tensor(key)], version
    except (OSError, ValueError, TypeError, tf.errors.OpError) as error:
        raise InputError(f"{folder} can't be read: {one_line(error)}; export the model again.") from None


class SavedModel:
    """Runs the signature `serving_default` of a SavedModel.

    Parameters
    ----------
    folder
        The folder with `saved_model.pb`; it is loaded only if its graph does nothing but compute.
    threads
        How many threads one operation may use.

    Raises
    ------
    InputError
        If it is damaged, would do more than compute, or has no such signature.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        import tensorflow as tf

        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        meta_graph = _read(folder)
        self._signature = meta_graph.signature_def[SIGNATURE]
        self._folder = folder
        try:
            self._loaded = tf.saved_model.load(str(folder))  # whose variables live only as long as it does
            self._serve = self._loaded.signatures[SIGNATURE]
        except Exception as error:  # TensorFlow raises whatever its parts raise
            raise InputError(f"{folder} can't be loaded as a SavedModel: {one_line(error)}") from None

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The signature's inputs."""
        return _ports(self._signature.inputs)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The signature's outputs."""
        return _ports(self._signature.outputs)

    @property
    def num_parameters(self) -> int:
        """How many numbers its variables have."""
        return sum(math.prod(variable.shape) for variable in self._serve.graph.variables)

    def run(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The model's answers; see `OpenedModel.run`."""
        import tensorflow as tf

        if len(rows) != 1 and any(port.shape[:1] == (1,) for port in self.inputs):
            return np.concatenate([self.run(rows[n : n + 1]) for n in range(len(rows))])
        batch = as_inputs(rows, self.inputs)
        try:
            answers = self._serve(**{name: tf.constant(part) for name, part in batch.items()})
        except (tf.errors.OpError, ValueError, TypeError) as error:
            raise InputError(f"{self._folder} can't be run on such rows: {one_line(error)}") from None
        return as_answers({port.name: answers[port.name] for port in self.outputs})


def _read(folder: Path) -> Any:
    """The graph that is run, when all of it has been looked at."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel as Message

    try:
        graphs = Message.FromString((folder / SAVED_MODEL_GRAPH).read_bytes()).meta_graphs
    except (OSError, DecodeError) as error:
        raise InputError(f"{folder} can't be read as a SavedModel: {one_line(error)}") from None
    found = [graph for graph in graphs if "serve" in graph.meta_info_def.tags]
    if len(graphs) != 1 or not found or not found[0].object_graph_def.nodes:
        raise InputError(f"{folder} is no SavedModel of TensorFlow 2: save the model with tf.saved_model.save.")
    check_operations(found[0], folder)
    if SIGNATURE not in found[0].signature_def:
        known = ", ".join(key for key in found[0].signature_def if not key.startswith("__"))
        raise InputError(f"{folder} has no signature {SIGNATURE!r}, only {known or 'none'}: save the model with it.")
    return found[0]


def _ports(ends: Mapping[str, Any]) -> tuple[Port, ...]:
    import tensorflow as tf

    return tuple(
        Port(name, end.name, tuple(int(size.size) for size in end.tensor_shape.dim), tf.as_dtype(end.dtype).name)
        for name, end in sorted(ends.items())
    )
