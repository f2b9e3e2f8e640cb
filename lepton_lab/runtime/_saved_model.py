"""A SavedModel's folder: TensorFlow's own format, written and run."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.errors import InputError
from lepton_lab.files import read_json, write_json
from lepton_lab.runtime._base import Port
from lepton_lab.runtime._keras import one_line
from lepton_lab.runtime._operations import check_operations

SIGNATURE = "serving_default"
"""Of what is run."""
SAVED_MODEL_GRAPH = "saved_model.pb"
"""What tells a SavedModel's folder from others."""
_CONFIG = Path("assets.extra", "keras.json")  # TensorFlow leaves this folder to whoever writes a SavedModel
_VARIABLES = Path("variables", "variables")


def write_saved_model(model: Any, folder: Path, config: Mapping[str, Any] | None = None) -> None:
    """Write a tf_keras or Keras 3 model with one input and one output, so that it takes any number of rows.

    Parameters
    ----------
    config
        The model's, as `read_config` gives it: `read_saved_keras` finds it again.

    Raises
    ------
    OSError
        If the folder can't be written.
    """
    import tensorflow as tf

    (rows,), (name,) = model.inputs, model.output_names
    spec = tf.TensorSpec((None, *rows.shape[1:]), tf.float32, name=rows.name)
    module = tf.Module()
    module.weights = list(model.weights)  # in the checkpoint they are weights/0, weights/1, ...
    module.serve = tf.function(lambda rows: {name: model(rows, training=False)}, input_signature=[spec])
    try:
        tf.saved_model.save(module, str(folder), signatures={SIGNATURE: module.serve.get_concrete_function()})
    except tf.errors.OpError as error:  # TensorFlow writes files itself, and has errors of its own
        is_full = isinstance(error, tf.errors.ResourceExhaustedError)
        raise OSError(*((errno.ENOSPC, os.strerror(errno.ENOSPC)) if is_full else (one_line(error),))) from None
    if config is not None:
        write_json(folder / _CONFIG, config)


def read_saved_keras(folder: Path) -> tuple[dict[str, Any], list[NDArray[Any]]] | None:
    """Config and weights of the Keras model that `write_saved_model` wrote; None of another SavedModel.

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
        reader = tf.train.load_checkpoint(str(folder / _VARIABLES))
        keys = [f"weights/{n}/.ATTRIBUTES/VARIABLE_VALUE" for n in range(len(reader.get_variable_to_shape_map()))]
        return config, [reader.get_tensor(key) for key in keys if reader.has_tensor(key)]
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

    def run(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """The model's answers; see `OpenedModel.run`."""
        import tensorflow as tf

        (port,), (answer,) = self.inputs, self.outputs
        if port.shape[0] == 1 and len(rows) != 1:
            return np.concatenate([self.run(row[None]) for row in rows])
        try:
            answers = self._serve(**{port.name: tf.constant(np.asarray(rows, port.dtype))})
        except (tf.errors.OpError, ValueError, TypeError) as error:
            raise InputError(f"{self._folder} can't be run on such rows: {one_line(error)}") from None
        return np.asarray(answers[answer.name], np.float32)


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
