"""Keras models from their files, without running code that a file may hold.

A `.keras` file's `config.json` says which class of which module makes each part of the model, and Keras imports
whatever module is named there, its safe mode notwithstanding. So every part is looked at before anything is loaded.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from lepton_lab.errors import InputError
from lepton_lab.forkserver._child import essence
from lepton_lab.runtime._code import CODE, MODULE, by_registered_name, own_names_in
from lepton_lab.runtime._hdf5 import check_weights
from lepton_lab.runtime._keras3 import load_keras3, with_names

_MAX_CONFIG_BYTES = 50 * 2**20
_MAX_EXPANSION = 100  # Keras stores weights uncompressed; what grows more than this when unpacked is no model

_MODULES = frozenset(
    f"{keras}{part}"
    for keras in ("keras", "tf_keras")
    for part in (
        "",
        *(".layers", ".layers.experimental", ".layers.experimental.preprocessing", ".models", ".initializers"),
        *(".regularizers", ".constraints", ".optimizers", ".optimizers.schedules", ".losses", ".metrics"),
        *(".mixed_precision", ".dtype_policies"),
    )
)
_MODEL_CLASSES = ("Functional", "Model", "Sequential")
_MODEL_MODULES = ("src.engine.functional", "src.engine.sequential", "src.engine.training", "src.models.functional")
_OPERATION_MODULES = ("keras.src.layers.core.tf_op_layer", "tf_keras.src.layers.core.tf_op_layer")
_DATA = (  # values, not classes
    *("__tensor__", "__numpy__", "__bytes__", "__keras_tensor__", "TensorShape"),
    *("__slice__", "__ellipsis__"),  # Keras 3 writes x[:, 0] with them
)
_CODE = frozenset(
    (
        *("Lambda", "TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"),
        *("TensorFlowOpLayer", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"),
        *("DenseFeatures", "SequenceFeatures"),
    )
)
_PURE_PREFIXES = ("math.", "nn.", "linalg.", "signal.", "__operators__.")
_PURE_NAMES = frozenset(
    (
        *("cast", "reshape", "transpose", "concat", "stack", "unstack", "split", "squeeze", "expand_dims", "tile"),
        *("pad", "gather", "where", "one_hot", "ones_like", "zeros_like", "clip_by_value", "reverse", "identity"),
        *("broadcast_to", "shape", "size", "rank", "repeat", "roll", "convert_to_tensor", "image.resize"),
        *("tensordot", "zeros", "ones", "fill", "range", "linspace", "eye", "slice", "gather_nd", "sort"),
        *("argsort", "stop_gradient", "ensure_shape", "norm", "argmax", "argmin"),
    )
)


def load_keras(path: Path, code: Path | None = None) -> Any:
    """The model in a `.keras` file, not compiled: one of tf_keras, or of Keras 3 where that wrote the file.

    Code inside the file (a `Lambda` layer's, say) is never run, and no module but Keras's own is imported.

    Parameters
    ----------
    code
        The file with the code that the model was made by, which is run for its classes; see `Model.code`.

    Raises
    ------
    InputError
        If the file is missing, cut short, or holds something that Keras can't load safely.
    """
    import tf_keras

    if not path.is_file():
        raise InputError(f"The model's file {path} is missing; make the model again, or drop it.")
    own = by_registered_name(own_names_in(code))
    try:
        config, version = _read(path)
        if found := foreign_part(config, operations=True, own=own):
            known = "of Keras itself and of the model's own code" if own else "of Keras itself"
            is_left = code is None and path.with_name(CODE).is_file()
            hint = f". Its {CODE} is not run: somebody else wrote it, or on another machine; make the model again"
            raise InputError(f"{found}, and only parts {known} are loaded{hint if is_left else ''}")
        check_weights(path)
        if version.startswith("3"):
            return load_keras3(path)
        return with_names(tf_keras.models.load_model(path, custom_objects=own, compile=False, safe_mode=True))
    except Exception as error:  # Keras raises whatever zipfile, h5py, json or a layer raised
        raise InputError(f"{path} can't be loaded as a Keras model: {one_line(error)}") from error


def read_config(path: Path) -> tuple[dict[str, Any], str]:
    """The config of a `.keras` file and the version of the Keras that wrote it; nothing else is looked at.

    Raises
    ------
    InputError
        If it is no `.keras` file, is cut short, or would unpack to something far too large.
    """
    try:
        return _read(path)
    except Exception as error:  # a damaged archive raises whatever zlib, struct or json raises
        raise InputError(
            f"{path} is not a .keras file ({one_line(error)}): save the model with model.save('name.keras')."
        ) from None


def foreign_part(
    config: Mapping[str, Any], *, operations: bool = False, own: Collection[str] = frozenset()
) -> str | None:
    """What a model's config would run or import that isn't a plain part of Keras; None if nothing.

    Parameters
    ----------
    config
        {"class_name": ..., "config": ...} of a model, as Keras writes it. Every depth is looked at; the model's own
        `compile_config` is not, for models are loaded without it.
    operations
        Whether TensorFlow's arithmetic between layers (`inputs / 255`) passes.
    own
        What the model's own code defines, by the names that Keras registers: these parts pass.
    """
    body = {key: value for key, value in config.items() if key != "compile_config"}
    waiting: list[tuple[Any, str]] = [(body, "?")]  # no recursion: a file decides how deep it is
    while waiting:
        value, layer = waiting.pop()
        if isinstance(value, Mapping):
            if "class_name" in value:
                inner = value.get("config")
                named = inner.get("name") if isinstance(inner, Mapping) else None
                layer = named if isinstance(named, str) else layer
                if not _is_own(value, own) and (what := _why_foreign(value, operations)):
                    return f"the layer {layer[:80]!r} {what}"
            elif "module" in value or "registered_name" in value:
                return f"the layer {layer[:80]!r} names a module, but no class of it"
            elif _is_lambda(value):
                return f"the layer {layer[:80]!r} holds code, a lambda"
            waiting.extend((item, layer) for item in value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend((item, layer) for item in value)
    return None


def _is_lambda(value: Mapping[str, Any]) -> bool:
    """Whether this is how Keras 3 writes a lambda: its bytes, its defaults and what it closes over.

    A call's argument that is called `value`, as attention has one, is alike: a layer's name and two numbers.
    """
    code = value.get("value")
    if len(value) != 1 or not isinstance(code, list) or len(code) != 3 or not isinstance(code[0], str):
        return False
    return not (type(code[1]) is int and type(code[2]) is int)


def layers_of(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every layer's entry in the `config` of a model: those of models inside it and those inside wrappers too."""
    for key, value in config.items():
        entries = value if key == "layers" else [value] if key in ("layer", "backward_layer") else []
        for entry in entries:
            if isinstance(entry, Mapping) and "class_name" in entry:
                yield entry
                yield from layers_of(entry.get("config") or {})


def one_line(error: Exception) -> str:
    """What an exception says, in one line of at most 300 characters."""
    return " ".join(essence(error).split())[:300] or type(error).__name__


def _read(path: Path) -> tuple[dict[str, Any], str]:
    if path.suffix != ".keras":  # Keras takes a file of another name for one of its older formats
        raise ValueError("its name doesn't end in .keras")
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("config.json").file_size > _MAX_CONFIG_BYTES:
            raise ValueError(f"its config.json is larger than {_MAX_CONFIG_BYTES // 2**20} MB")
        if archive.getinfo("metadata.json").file_size > 2**20:
            raise ValueError("its metadata.json is larger than 1 MB")
        if sum(part.file_size for part in archive.infolist()) > _MAX_EXPANSION * max(path.stat().st_size, 2**20):
            raise ValueError(f"it unpacks to more than {_MAX_EXPANSION} times its size")
        version = json.loads(archive.read("metadata.json"))["keras_version"]
        config = json.loads(archive.read("config.json"))
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise ValueError("its config.json describes no model")
    return config, str(version)


def _is_own(part: Mapping[str, Any], own: Collection[str]) -> bool:
    """Whether an entry is a part that the model's own code defines, as Keras writes it for that code and no other."""
    name, registered, module = part["class_name"], part.get("registered_name"), part.get("module")
    if name == "function":  # Keras writes the function's name as its config
        return module in ("builtins", MODULE) and isinstance(part.get("config"), str) and part["config"] in own
    return module == MODULE and isinstance(registered, str) and registered in own


def _why_foreign(part: Mapping[str, Any], operations: bool) -> str | None:
    """What is wrong with one entry that has a class name; None if it is a part of Keras."""
    name: Any = part["class_name"]
    registered: Any = part.get("registered_name")
    module = part.get("module")
    settings = part.get("config")
    where = f" of {module}"[:80] if module else ""
    if name in _DATA and module is None and registered is None:
        return None
    if operations and name in ("TFOpLambda", "SlicingOpLambda") and isinstance(settings, Mapping):
        if not _is_pure(settings.get("function")):
            return f"calls tf.{settings.get('function')}"[:80]
        if (module is None or module in _OPERATION_MODULES) and registered in (None, name):
            return None
    if name == "function" and module == "builtins":  # how Keras writes one of the user's
        return f"uses {str(settings)[:80]!r}, a function of one's own"
    if not isinstance(name, str) or not name.isidentifier() or not name[0].isupper():
        return f"names {str(name)[:80]!r}{where}, which is no class of Keras"
    if name in _CODE:
        return f"is a {name}, which holds code or names some"
    package, mark, _ = registered.rpartition(">") if isinstance(registered, str) else ("", "", "")
    if mark and package not in ("keras", "tf_keras"):
        return f"is a {str(registered)[:80]}, a class of one's own"
    if not mark and registered not in (None, name):
        return f"is a {name} registered as {str(registered)[:80]!r}"
    if name == "AddMetric":
        return "is what add_metric made of a metric, which a run would not report: give metrics to compile()"
    if module is not None and not _is_keras(str(module), name):
        return f"is a {name}{where}, which is not of Keras"
    if isinstance(settings, Mapping) and isinstance(settings.get("vocabulary"), str):
        return "reads its vocabulary from another file"
    return None


def _is_keras(module: str, class_name: str) -> bool:
    """Whether a module is one that Keras writes for its own classes.

    Not every module of Keras: those hold the names of all that they import, and functions that fetch and open files.
    """
    package, _, rest = module.partition(".")
    if package not in ("keras", "tf_keras"):
        return False
    if module == "keras.src.layers.preprocessing.feature_space" and class_name in ("TFDConcat", "TFDIdentity"):
        return True  # what a FeatureSpace puts between its layers
    if class_name == "AddLoss" and rest == "src.engine.base_layer":
        return True  # what add_loss makes of a tensor
    if class_name in _MODEL_CLASSES and rest in (*_MODEL_MODULES, "src.models.sequential", "src.models.model"):
        return True
    return module in _MODULES or (package == "keras" and rest.startswith("src.ops."))


def _is_pure(function: Any) -> bool:
    """Whether a function of TensorFlow, by its name without `tf.`, only computes."""
    if not isinstance(function, str):
        return False
    function = function.removeprefix("compat.v1.")
    return function.startswith(_PURE_PREFIXES) or function in _PURE_NAMES
