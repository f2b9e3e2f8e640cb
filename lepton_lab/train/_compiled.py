"""What a Keras model was compiled with, as parts that travel (see `_parts`): its user's settings go before ours.

They come from the model in the notebook, by value where they are the user's own code; or from the config of a `.keras`
file, which names such code without holding it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lepton_lab.errors import InputError
from lepton_lab.runtime import layers_of, output_names
from lepton_lab.train._parts import UNDECAYED, describe, names_of_weights, spared, text_of, type_module

_KERAS = ("keras", "tf_keras")
_FUNCTIONS = frozenset(
    (
        *("mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error", "log_cosh", "huber"),
        *("mean_squared_logarithmic_error", "binary_crossentropy", "categorical_crossentropy", "hinge", "poisson"),
        *("sparse_categorical_crossentropy", "squared_hinge", "categorical_hinge", "kl_divergence"),
        *("cosine_similarity", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"),
        *("top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy"),
    )
)
"""Keras's own, which it writes without saying that they are."""
_KINDS = {"loss": "loss", "metrics": "metric", "weighted_metrics": "metric"}
_ADD_LOSS = "AddLoss"
"""The layer that `add_loss` makes."""

MISSING = "missing"
"""The key of a part that is code which isn't here, with its name."""
EAGER = "run_eagerly"
"""The key of what was compiled to run eagerly."""


def compiled_of(model: Any) -> dict[str, Any]:
    """The settings that a model of the notebook was compiled with; nothing of one that wasn't.

    Returns
    -------
    `optimizer`, `learning_rate` where it is a schedule of the user's own, `loss`, `loss_weights`, `metrics` and
    `weighted_metrics`; of these, each as Keras takes it for one output, or as a dict by the output's name. And
    `run_eagerly` where it is so.

    Raises
    ------
    InputError
        If a part can't be sent to the workers, or names an output that there isn't.
    """
    settings = getattr(getattr(model, "_compile_config", None), "config", None)
    if not settings:
        return {}
    found = {"optimizer": _optimizer(model.optimizer)}
    if spared(model.optimizer):
        found["optimizer"][UNDECAYED] = _undecayed(model)
    schedule = getattr(model.optimizer, "_learning_rate", None)
    if callable(schedule) and type_module(type(schedule)) not in _KERAS:
        found["learning_rate"] = describe("learning rate", schedule)
    outputs = [str(name) for name in output_names(model) or []]
    adds = any(type(layer).__name__ == _ADD_LOSS for layer in model._flatten_layers())
    return found | _of_outputs(settings, outputs, describe, adds)


def compiled_in(config: Mapping[str, Any], outputs: Sequence[str], own: Collection[str] = ()) -> dict[str, Any]:
    """The same of a `.keras` file's config, in which `own` says what the model's own code defines by name."""
    settings = config.get("compile_config") or {}
    if not settings:
        return {}

    def read(kind: str, entry: Any) -> Any:
        if not isinstance(entry, Mapping):
            return describe(kind, entry)
        name = entry.get("config") if entry.get("class_name") == "function" else entry.get("class_name")
        is_own = str(entry.get("module") or "keras").partition(".")[0] not in _KERAS and name not in _FUNCTIONS
        if is_own and name not in own:
            return {MISSING: str(name)}
        if entry.get("class_name") == "function":
            return str(name)
        if is_own:
            return {"class_name": str(name), "config": dict(entry.get("config") or {})}
        return describe(kind, entry)

    optimizer = settings.get("optimizer")  # which Keras 3 forgets where it has saved the model as .h5 before
    found = {"optimizer": read("optimizer", optimizer)} if optimizer else {}
    adds = any(layer.get("class_name") == _ADD_LOSS for layer in layers_of(config.get("config") or {}))
    return found | _of_outputs(settings, outputs, read, adds)


def missing_in(part: Any) -> str | None:
    """The name of the code that a part would need and that isn't here; None where nothing is missing."""
    if isinstance(part, Mapping):
        if MISSING in part:
            return str(part[MISSING])
        return next((name for value in part.values() if (name := missing_in(value))), None)
    if isinstance(part, list | tuple):
        return next((name for value in part if (name := missing_in(value))), None)
    return None


def told(part: Any) -> str:
    """A part, or those of several outputs, for a person."""
    if isinstance(part, Mapping) and "class_name" not in part and "pickled" not in part:
        return ", ".join(f"{name}: {told(value)}" for name, value in part.items())
    if isinstance(part, list | tuple):
        return ", ".join(map(told, part))
    return text_of(part)


def _optimizer(optimizer: Any) -> Any:
    """An optimizer's part; a schedule of the user's own goes by itself."""
    schedule = getattr(optimizer, "_learning_rate", None)
    if not (callable(schedule) and type_module(type(schedule)) not in _KERAS):
        return describe("optimizer", optimizer)
    # Keras tells the settings of all but the schedule, which need not know its own; it can't be asked to copy either.
    bare = object.__new__(type(optimizer))
    vars(bare).update(vars(optimizer), _learning_rate=_no_rate)
    settings = {name: value for name, value in bare.get_config().items() if name != "learning_rate"}
    return describe("optimizer", {"class_name": type(optimizer).__name__, "config": settings})


def _undecayed(model: Any) -> list[tuple[int, str]]:
    """Which of the trainable variables weight decay leaves out, which an optimizer's config doesn't tell."""
    named = zip(names_of_weights(model), model.trainable_variables, strict=True)
    use = model.optimizer._use_weight_decay
    return [(number, name) for number, (name, one) in enumerate(named) if not use(one)]


def _no_rate() -> float:
    return 0.0


def _of_outputs(settings: Mapping[str, Any], outputs: Sequence[str], read: Any, adds_loss: bool) -> dict[str, Any]:
    """What belongs to the model's outputs: one for all, or by name; `adds_loss` says whether layers have losses too."""
    found: dict[str, Any] = {}
    for key, kind in _KINDS.items():
        given = settings.get(key)
        if given is None or (isinstance(given, list | tuple | Mapping) and not given):
            continue
        if key == "loss":
            found[key] = _each(key, given, outputs, lambda one: None if one is None else read("loss", one))
        else:
            found[key] = _each(key, given, outputs, lambda one, kind=kind: _several(kind, one, read))
    weights = settings.get("loss_weights")
    if weights is not None:
        weights = _each("loss_weights", weights, outputs, _weight)
        found["loss_weights"] = weights if isinstance(weights, Mapping) else {"": weights}
    loss = found.get("loss")
    if isinstance(loss, Mapping) and len(outputs) > 1 and "class_name" not in loss and "pickled" not in loss:
        idle = [name for name in outputs if loss.get(name) is None]  # Keras learns nothing from these
        found["loss"] = {name: part for name, part in loss.items() if part is not None}
        found["loss_weights"] = {**found.get("loss_weights", {}), **dict.fromkeys(idle, 0.0)}
    elif loss is None and adds_loss:  # the model learns by those alone
        found["loss_weights"] = {name if len(outputs) > 1 else "": 0.0 for name in outputs}
    if settings.get(EAGER):
        found[EAGER] = True
    return {key: value for key, value in found.items() if value not in (None, {}, [])}


def _weight(given: Any) -> float:
    try:
        return 1.0 if given is None else float(given)
    except (TypeError, ValueError):
        raise InputError(
            f"The model was compiled with a {type(given).__name__} in loss_weights: give numbers (metrics are named: "
            "metrics=[...])."
        ) from None


def _several(kind: str, given: Any, read: Any) -> list[Any]:
    """Parts of one output; one, some or none."""
    if given is None:
        return []
    return [read(kind, one) for one in (given if isinstance(given, list | tuple) else [given]) if one is not None]


def _each(key: str, given: Any, outputs: Sequence[str], read: Any) -> Any:
    """What was given for all outputs as one, or by name."""
    is_by_name = isinstance(given, Mapping) and "class_name" not in given
    if is_by_name:
        unknown = [str(name) for name in given if name not in outputs]
        if unknown:
            raise InputError(
                f"The model was compiled with {key} for {unknown[0]!r}, but its outputs are {', '.join(outputs)}: "
                "compile it with their names."
            )
        by_name = {str(name): read(one) for name, one in given.items()}
        return by_name[outputs[0]] if len(outputs) == 1 else by_name
    is_list = isinstance(given, list | tuple)
    if len(outputs) == 1:
        alone = given[0] if is_list and key in ("loss", "loss_weights") and len(given) == 1 else given
        return read(alone[0] if key.endswith("metrics") and is_list and _is_nested(alone) else alone)
    if is_list and (key in ("loss", "loss_weights") or _is_nested(given)):
        if len(given) != len(outputs):
            raise InputError(
                f"The model was compiled with {len(given)} {key}, but it has {len(outputs)} outputs: give one for each."
            )
        return {name: read(one) for name, one in zip(outputs, given, strict=True)}
    return read(given)


def _is_nested(given: Sequence[Any]) -> bool:
    """Whether a list holds a list for each output."""
    return bool(given) and all(one is None or isinstance(one, list | tuple) for one in given)
