"""Keras 3 beside tf_keras, for the models that have no equal there.

Such a model computes by TensorFlow too, so it goes through the same code as one of tf_keras. What differs between the
two libraries stands here. Importing Keras 3 costs a second and 67 MB: only a process that has such a model does it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lepton_lab.errors import InputError


def import_keras3() -> Any:
    """The module `keras`, computing by TensorFlow whatever the environment and ~/.keras/keras.json say.

    Raises
    ------
    InputError
        If something in this process has imported it with another backend.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"  # goes before the file
    import keras

    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"Keras 3 computes by {keras.backend.backend()} in this process, and must do it by TensorFlow: take "
            "KERAS_BACKEND out of the code that comes with the model or its run."
        )
    return keras


def is_keras3(model: Any) -> bool:
    """Whether a model or layer is one of Keras 3, and not of tf_keras."""
    return type(model).__module__.partition(".")[0] == "keras"


def library_of(model: Any) -> Any:
    """The module whose model or layer this is, `keras` or `tf_keras`: what is made of it is made by the same one."""
    import tf_keras

    return import_keras3() if is_keras3(model) else tf_keras


def load_keras3(path: Path) -> Any:
    """The Keras 3 model in a `.keras` file, not compiled; the caller has looked for foreign parts in it."""
    model = import_keras3().models.load_model(path, compile=False, safe_mode=True)
    return with_names(model)


def with_names(model: Any) -> Any:
    """The same model of either Keras, with the names of its inputs and outputs as `input_names` and `output_names`."""
    if model.inputs:
        model.input_names = input_names(model)
    if (names := output_names(model)) is not None:
        model.output_names = names
    return model


def output_names(model: Any) -> list[str] | None:
    """The names of a model's outputs, in the order in which its answers are flattened; None for one that isn't built.

    Outputs in a dict are known by its keys, as in what `compile` is given for them, and not by the layers they are of.
    """
    outputs = ends_of(model)[1]
    if isinstance(outputs, Mapping):
        return sorted(outputs)
    names = getattr(model, "output_names", None)
    if names is None and model.layers:  # Keras 3's Sequential has none
        return [model.layers[-1].name]
    return names and unique_names(names)


def unique_names(names: Iterable[str]) -> list[str]:
    """Names of outputs, those of one layer told apart as tf_keras does it, and Keras 3 doesn't: `d`, `d_1`."""
    found, counts = list[str](), Counter[str]()
    for name in names:
        one = name
        while one in found:
            counts[name] += 1
            one = f"{name}_{counts[name]}"
        found.append(one)
    return found


def is_nested(structure: Any) -> bool:
    """Whether a model's inputs or outputs are lists or dicts inside one another."""
    parts = structure.values() if isinstance(structure, Mapping) else structure
    return isinstance(structure, list | tuple | Mapping) and any(isinstance(p, list | tuple | Mapping) for p in parts)


def ends_of(model: Any) -> tuple[Any, Any]:
    """A model's inputs and outputs as they were given when it was made."""
    names = ("_inputs_struct", "_outputs_struct") if is_keras3(model) else ("_nested_inputs", "_nested_outputs")
    inputs, outputs = (getattr(model, name, None) for name in names)
    return inputs, outputs


def answering_layers(model: Any) -> list[str]:
    """The names of the layers that a model's outputs are of, which dicts of outputs call otherwise."""
    return [tensor._keras_history[0].name for tensor in model.outputs]


def input_names(model: Any) -> list[str]:
    """The names that rows go in by, in the order of `model.inputs`: the layers', or the keys of a dict of inputs."""
    inputs = ends_of(model)[0]
    if isinstance(inputs, Mapping):
        return sorted(inputs)
    return list(getattr(model, "input_names", None) or [tensor.name for tensor in model.inputs])


def row_specs(model: Any) -> list[Any]:
    """A `tf.TensorSpec` of any number of rows for each of a model's inputs, under its name."""
    import tensorflow as tf

    ends = zip(input_names(model), model.inputs, strict=True)
    return [tf.TensorSpec((None, *rows.shape[1:]), rows.dtype, name) for name, rows in ends]


def named_answers(model: Any, rows: Sequence[Any]) -> dict[str, Any]:
    """What a model answers, by the names of its outputs; in a graph.

    Parameters
    ----------
    rows
        A tensor for each of the model's inputs, in their order.
    """
    import tensorflow as tf

    whole: Any = rows[0] if len(rows) == 1 else list(rows)
    if len(rows) > 1 and isinstance(getattr(model, "_inputs_struct", None), Mapping):  # Keras 3 takes them as made
        whole = dict(zip(input_names(model), rows, strict=True))
    answers = model(whole, training=False)
    return dict(zip(output_names(model) or [], tf.nest.flatten(answers), strict=True))


def still(model: Any) -> None:
    """Have no layer of a model draw by a state in the graphs that are made of it from now on.

    Augmentation draws outside of training as well, and then does nothing; no runtime but TensorFlow has a place for
    such a state, and TensorFlow itself doesn't save it.
    """
    import tensorflow as tf

    for layer in model._flatten_layers(include_self=False, recursive=True):
        for generator in getattr(layer, "_seed_generators", ()):
            generator.next = lambda ordered=True: tf.zeros(2, tf.int32)
        if (generator := getattr(layer, "_random_generator", None)) is not None:  # of tf_keras
            generator._built, generator._generator, generator._rng_type = True, None, generator.RNG_STATELESS
            generator.make_seed_for_stateless_op = lambda: tf.zeros(2, tf.int32)


def name_scopes(model: Any, above: str = "") -> None:
    """Have the operations of a Keras 3 model be called by their layers, as `model/inner/dense/MatMul`, in every graph.

    Keras 3 opens the scope of a layer's name twice, so that `dense` becomes `dense_1`, as if it were another layer.
    """
    import tensorflow as tf

    path = f"{above}{model.name}/"
    model._open_name_scope = lambda: tf.name_scope(path)  # which ends with a slash, so that nothing is numbered
    for layer in model.layers:
        if isinstance(layer, import_keras3().Model):
            name_scopes(layer, path)
        else:
            layer._open_name_scope = lambda own=f"{path}{layer.name}/": tf.name_scope(own)


def plain_variables(variables: Iterable[Any]) -> list[Any]:
    """TensorFlow's variables inside Keras 3's own; those of tf_keras as they are."""
    return [variable.value if is_keras3(variable) else variable for variable in variables]


def constrain(model: Any) -> None:
    """Apply the constraints of a Keras 3 model's variables, which no optimiser but Keras 3's own does; in the graph."""
    for variable in model.trainable_variables:
        if is_keras3(variable) and variable.constraint is not None:
            variable.assign(variable.constraint(variable))
