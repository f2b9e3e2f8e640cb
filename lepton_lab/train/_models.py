"""Making a model that can be trained: from the family, from a builder's source, or from a Keras model brought in.

These functions run in a process that has TensorFlow (see `lepton_lab.forkserver`). Each writes `initial.keras` and
`model.keras` into a folder and returns what is to be known of the model.
"""

from __future__ import annotations

import re
import shutil
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lepton_lab.errors import InputError, UserCodeError
from lepton_lab.events import Progress, Report, ignore
from lepton_lab.runtime import (
    CODE,
    by_registered_name,
    ends_of,
    foreign_part,
    is_keras3,
    is_nested,
    layers_of,
    library_of,
    load_keras,
    named_answers,
    one_line,
    own_names,
    own_names_in,
    read_config,
    row_specs,
    run_code,
)
from lepton_lab.train._family import LeptonModel
from lepton_lab.train._keras3 import NoEqualError, to_tf_keras
from lepton_lab.train._open_sizes import with_sizes
from lepton_lab.train._proof import prove
from lepton_lab.types import MADE_AGAIN, Model, ModelFormat, ModelLibrary, Scaling, Target

_SCOPE = r"[A-Za-z0-9_.\\/>-]*"
"""What TensorFlow takes as a name in a graph."""
_ROOT_SCOPE = rf"[A-Za-z0-9.]{_SCOPE}"
"""The same of what is in nothing else."""

_SAVED = "The model's own file"
"""What the file is called that was written of a model, wherever that lies as yet."""


@dataclass(frozen=True)
class Shape:
    """What is to be known of a model without loading it."""

    input_shape: tuple[int, ...]
    """Of one row; () where there are several inputs."""
    output_shape: tuple[int, ...]
    """Of the answer to one row; () where there are several outputs."""
    num_parameters: int
    format: ModelFormat = "keras"
    """What was written."""
    notes: tuple[str, ...] = ()
    """What is worth a word."""
    library: ModelLibrary = "tf_keras"
    """Whose model it is, where the format is `keras`: Keras 3's own only where it has no equal in tf_keras."""


def make_family(
    folder: Path,
    kind: str,
    input_shape: tuple[int, ...],
    target: Target,
    scaling: Scaling,
    hidden_size: int,
    num_layers: int,
    seed: int,
) -> Shape:
    """Write a `LeptonModel` with weights drawn by `seed`."""
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    model = LeptonModel(
        input_shape,
        target.num_outputs,
        hidden_size,
        num_layers,
        kind=kind,
        scaling=scaling,
        regression=target.kind == "numbers",
        multilabel=target.kind == "labels",
    )
    return _write(model, folder)


def make_built(folder: Path, source: str, input_shape: Any, num_classes: Any, seed: int) -> Shape:
    """Write the model that the function `build(input_shape, num_classes)` in `source` returns.

    Layers and functions that the source defines beside it may be used in the model, and as losses and metrics later:
    the source is then kept beside the model (see `runtime/_code.py`).
    """
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    build = run_code(source).get("build")
    if not callable(build):
        raise InputError("The cell defines no function build(input_shape, num_classes) that returns a Keras model.")
    try:
        model = build(input_shape, num_classes)
    except Exception as error:
        raise UserCodeError(f"build() raised {type(error).__name__}: {error}", traceback.format_exc()) from None
    if not isinstance(model, tf_keras.Model):
        raise InputError(
            f"build() returned {type(model).__module__}.{type(model).__name__}, but must return a tf_keras model: "
            "take its layers from `keras`, which stands for tf_keras in that cell."
        )
    if not model.built:
        try:
            shapes = input_shape if isinstance(input_shape, Mapping) else {"": input_shape}
            batches = {name: (None, *shape) for name, shape in shapes.items()}
            model.build(batches.get("", batches))
        except Exception as error:
            raise UserCodeError(
                f"The model of build() doesn't take rows of shape {input_shape}: {one_line(error)}",
                traceback.format_exc(),
            ) from None
    code = None
    if own_names(source):
        code = folder / CODE
        code.write_text(source)
    return _write(model, folder, code)


def adopt_file(
    folder: Path, file: Path, what: str = "", report: Report = ignore, rows: Mapping[str, tuple[int, ...]] | None = None
) -> Shape:
    """Write the model of a `.keras` file made by tf_keras or by Keras 3; nothing in it is executed.

    A Keras 3 model is made again in tf_keras, and kept as Keras 3 where that has no equal.

    Parameters
    ----------
    what
        What to call the file where something is wrong with it; "" takes its path.
    rows
        The shape of one row for each input by name ("" for a single one), from which sizes that are open are taken.

    Raises
    ------
    InputError
        If it can't be read, or if a part of it isn't Keras's own; names the layer.
    """
    with TemporaryDirectory() as scratch:
        sized = Path(scratch) / "model.keras"
        notes = with_sizes(file, rows or {}, sized)
        found = _adopt(folder, sized if notes else file, what, report)
    return replace(found, notes=(*notes, *found.notes))


def _adopt(folder: Path, file: Path, what: str, report: Report) -> Shape:
    _check_parts(read_config(file)[0], what, file)
    report(Progress("model add", "loading the model"))
    try:
        model = load_keras(file)
    except InputError as error:
        raise InputError(str(error).replace(str(file), what or str(file))) from None
    if not is_keras3(model):
        return _write(model, folder)
    try:
        report(Progress("model add", "making the Keras 3 model again in tf_keras"))
        twin = to_tf_keras(model)
        shape = _write(twin.model, folder)
        report(Progress("model add", "comparing the answers of Keras 3 and tf_keras"))
        num_rows = prove(model, twin, load_keras(folder / "initial.keras"))
    except (NoEqualError, InputError) as reason:
        report(Progress("model add", "keeping the Keras 3 model as it is"))
        why = str(reason).removesuffix(".").replace(_SAVED, "its equal of tf_keras")
        return replace(keep_keras3(folder, model), notes=(f"kept as Keras 3: {why}",))
    notes = [f"{MADE_AGAIN}: {num_rows} random rows were answered alike by both"]
    if drawn := [layer.name for layer in model._flatten_layers() if type(layer).__name__.startswith("Random")]:
        notes.append(f"not compared: how {', '.join(drawn)} changes rows while training; tf_keras's own rules go there")
    return replace(shape, notes=tuple(notes))


def read_weights(model: Model) -> list[Any]:
    """The weights in a Keras model's file, in the order of Keras's `get_weights`."""
    return list(load_keras(model.file, model.code).get_weights())


def keep_keras3(folder: Path, model: Any) -> Shape:
    """Write a Keras 3 model as what it is, where no model of tf_keras is its equal.

    Parameters
    ----------
    model
        Built, and made by `runtime.import_keras3()` in this process.

    Raises
    ------
    InputError
        If it has parts that aren't Keras's own, no shape of its rows, or layers that don't take each other's answers,
        which Keras 3 may say only when it computes.
    """
    import tensorflow as tf

    shape = _write(model, folder)
    try:
        answer = tf.function(lambda *rows: named_answers(model, rows), autograph=False)
        answer.get_concrete_function(*row_specs(model))
    except Exception as error:
        raise InputError(f"The model can't be brought in, since Keras 3 can't compute it: {one_line(error)}") from None
    return shape


def _check_parts(config: Mapping[str, Any], what: str, file: Path) -> None:
    """Refuse a model that has anything but parts of Keras, with the way out."""
    hint = "Use only layers and settings of Keras itself, or say --allow-code to run code in the file, if you trust "
    hint += "whoever wrote it."
    if what:  # a model of the notebook, whose code is the user's own
        hint = "Use only layers and settings of Keras itself, or define the model in a `%%lepton model new NAME` cell, "
        hint += "with its classes and functions beside build()."
    found = foreign_part(config, operations=True)
    name = str(config["class_name"])[:80]
    if found is None and name not in ("Sequential", "Functional", "Model"):
        found = f"it is a {name}, a class that holds Python code of its own"
        hint = "Bring in keras.Model(model.inputs, model.outputs), or write it as keras.Sequential or "
        hint += "keras.Model(inputs, outputs)."
    for layer in layers_of(config["config"]):
        kind = str(layer["class_name"])[:80]
        if found is None and layer.get("module", "") is None and kind not in ("TFOpLambda", "SlicingOpLambda"):
            found = f"the layer {(layer.get('config') or {}).get('name')!r} is a {kind}, a class of one's own"
    if found:
        raise InputError(f"{what or file} can't be brought in: {found}. {hint}")


def _write(model: Any, folder: Path, code: Path | None = None) -> Shape:
    if getattr(model, "input_shape", None) is None:  # a model class of one's own has none, nor a config to be made from
        raise InputError(
            f"The model can't be trained: it is a {type(model).__name__}, and only models made of layers, by "
            "keras.Sequential or keras.Model(inputs, outputs), can be used."
        )
    for side, ends in zip(("inputs", "outputs"), ends_of(model), strict=True):
        if is_nested(ends):
            raise InputError(
                f"The model's {side} are lists or dicts inside one another, expected one list, or one dict by name: "
                "make it again, as keras.Model(inputs, outputs) with its layers."
            )
    inputs = _shapes(model.input_shape)
    for shape in inputs:
        if any(size is None for size in shape):
            raise InputError(
                f"The model's input shape is {shape}: every size but the batch's must be known. Give keras.Input all "
                "sizes, or name the notebook's model with data (%lepton train MODEL --data DATASET), which has them."
            )
    if inputs == [()]:  # a record's () stands for several inputs
        raise InputError("The model's input is a single value, keras.Input(shape=()): make it keras.Input(shape=(1,)).")
    _check_layers(model)
    outputs = _shapes(model.output_shape)
    file = folder / "initial.keras"
    try:
        model.save(file)
    except Exception as error:
        raise InputError(f"The model can't be saved: {type(error).__name__}: {one_line(error)}") from None
    # Whoever trains it makes it anew from the file, in processes that know no class of this one but by its code.
    own = by_registered_name(own_names_in(code))
    if found := foreign_part(read_config(file)[0], operations=True, own=own):
        raise InputError(
            f"The model can't be trained: {found}. Only layers of Keras, and classes and functions that stand in the "
            "builder's source beside build(), can be used."
        )
    try:
        load_keras(file, code)
    except InputError as error:
        raise InputError(str(error).replace(str(file), _SAVED)) from None
    shutil.copyfile(file, folder / "model.keras")
    one = [shapes[0] if len(shapes) == 1 else () for shapes in (inputs, outputs)]
    library: ModelLibrary = "keras" if is_keras3(model) else "tf_keras"
    added = any(type(layer).__name__ == "AddLoss" for layer in model._flatten_layers())
    notes = ("the loss of add_loss counts; where a step is filled up, with the rows that fill it too",) if added else ()
    return Shape(one[0], one[1], int(model.count_params()), notes=notes, library=library)


def _check_layers(model: Any) -> None:
    """Refuse layers that would answer a row by the rows before it, and those that no CPU or no graph computes."""
    import tensorflow as tf

    layers = [layer for layer in model._flatten_layers() if layer is not model]
    named = [layer for layer in layers if type(layer).__name__ != "InputLayer"]  # an input computes nothing
    for what, part, pattern in [("model", model, _ROOT_SCOPE), *(("layer", layer, _SCOPE) for layer in named)]:
        if not re.fullmatch(pattern, part.name):
            raise InputError(
                f"The {what} is called {part.name!r}, and TensorFlow's graphs take only names of the letters A to Z, "
                f"digits and _ . - >, so that Keras itself can't fit it: rename the {what}, such as "
                f"name={re.sub('[^A-Za-z0-9_.>-]', '_', part.name).lstrip('_->') or what!r}."
            )
    for layer in layers:
        if isinstance(layer, library_of(model).layers.RNN) and layer.stateful:
            raise InputError(
                f"The layer {layer.name!r} has stateful=True: it would go on from the rows before, which come in "
                "another order in each epoch and on each worker. Make it with stateful=False, and each row a whole "
                "sequence."
            )
    moved = [layer.name for layer in layers if getattr(layer, "data_format", None) == "channels_first"]
    if not moved:
        return
    try:
        named_answers(model, [tf.zeros((1, *rows.shape[1:]), rows.dtype) for rows in model.inputs])
    except Exception:  # of TensorFlow's operation, which layer's is not said
        raise InputError(
            f"The layer {moved[0]!r} has data_format='channels_first', which TensorFlow computes on GPUs and some CPUs "
            "only, not on this one: make the model with channels_last."
        ) from None


def _shapes(shape: Any) -> list[tuple[int, ...]]:
    """The shapes of one row, of each input or output."""
    several = list(shape.values()) if isinstance(shape, dict) else shape if isinstance(shape, list) else [shape]
    return [tuple(one[1:]) for one in several]
