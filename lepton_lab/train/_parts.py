"""Parts of a training that a user names or hands over: optimiser, learning-rate schedule, loss, metrics, callbacks.

In the kernel, which has no TensorFlow, `describe` makes a plain value of what was given:

- a name as Keras has it, or as the code has it that the model was made by: `"adam"`, `"auc"`;
- a call as text: `"SGD(momentum=0.9)"`, `"CosineDecay(0.01, 2000)"`, read and never evaluated;
- an object of tf_keras or Keras 3, by its class and settings;
- a function or an object of one's own, by value (cloudpickle).

In a rank, `_make.make` makes tf_keras's object of it. What is pickled goes from the user's kernel to the user's ranks;
in a run's folder, from where a run can be taken up again, it is sealed (see `_seal`).
"""

from __future__ import annotations

import ast
import functools
import inspect
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from lepton_lab.errors import InputError
from lepton_lab.runtime import dumps

_KERAS = ("keras", "tf_keras")

_EXAMPLES = {
    "optimizer": "SGD(momentum=0.9)",
    "learning rate": "0.001 or CosineDecay(0.01, 2000)",
    "loss": "Huber(delta=2.0)",
    "metric": "auc,precision",
    "callback": "EarlyStopping(patience=3)",
}

_TELLING = (
    *("learning_rate", "momentum", "nesterov", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm"),
    *("from_logits", "label_smoothing", "ignore_class", "delta", "gamma", "reduction"),
)
"""Settings that are shown of a part."""
UNDECAYED = "undecayed"
"""The key of an optimizer's part with the numbers and names of the trainable variables that weight decay leaves out;
None stands there for weights of a model that isn't known."""
_USUAL = (None, False, 0, "auto", "sum_over_batch_size", "mean")


def describe(kind: str, given: Any) -> Any:
    """What travels to the ranks for a part that was given.

    Parameters
    ----------
    kind
        `"optimizer"`, `"learning rate"`, `"loss"`, `"metric"` or `"callback"`.

    Returns
    -------
    A name; of a learning rate a number; `{"class_name", "args", "config"}` for a text; `{"class_name", "config"}` for
    an object of Keras; or `{"pickled": bytes, "name"}`, with a `config` where the ranks are to make the
    object.

    Raises
    ------
    InputError
        If it is no part of that kind.
    """
    if isinstance(given, str):
        return _read(kind, given)
    if isinstance(given, int | float) and not isinstance(given, bool):
        if kind == "learning rate":
            return float(given)
    elif isinstance(given, Mapping):
        if "class_name" not in given:
            raise InputError(f"The {kind} is a dict without a 'class_name': give what Keras's serialize() returns.")
        return _plain(kind, given)
    elif inspect.isclass(given) or inspect.isfunction(given):
        if type_module(given) not in _KERAS:
            return _pickled(kind, given)
        return {"class_name": given.__name__, "config": {}} if inspect.isclass(given) else given.__name__
    elif inner := inner_of(given):
        return _averaged(kind, given) if callable(inner) else describe(kind, inner)
    elif type_module(type(given)) in _KERAS:
        settings = _callback_settings(given) if kind == "callback" else _config(kind, given)
        return {"class_name": type(given).__name__, "config": settings, **spared(given)}
    elif _is_derived(given) and kind in ("optimizer", "metric") and hasattr(given, "get_config"):
        # Its variables would be the kernel's: the ranks make it anew, under their strategy.
        return {**_pickled(kind, type(given)), "config": _own_config(kind, given), **spared(given)}
    elif callable(given) or _is_derived(given):
        told = getattr(given, "reduction", None) or "none"
        reduction = {"config": {"reduction": told}} if kind == "loss" and hasattr(given, "reduction") else {}
        return {**_pickled(kind, given), **reduction}
    raise InputError(
        f"The {kind} is {given!r:.60}: give a name, a name with settings such as {_EXAMPLES[kind]}, an object of "
        "Keras, or one of your own."
    )


def describe_all(kind: str, given: Any) -> tuple[Any, ...]:
    """The same for none, one or several; a text may hold several with commas between."""
    if given is None or given == "":
        return ()
    if isinstance(given, str):
        return tuple(_read(kind, text) for text in _texts(kind, given))
    if isinstance(given, Iterable) and not isinstance(given, Mapping):
        return tuple(describe(kind, part) for part in given)
    return (describe(kind, given),)


def name_of(part: Any) -> str:
    """What to call a part in a message."""
    if isinstance(part, dict):
        return str(part.get("class_name") or part.get("name", "one of your own"))
    return str(part)


def text_of(part: Any) -> str:
    """A part as a person writes it: its name, with the settings that matter most where they are set."""
    settings = part.get("config", {}) if isinstance(part, Mapping) else {}
    shown = [f"{key}={_short(settings[key])}" for key in _TELLING if settings.get(key) not in _USUAL]
    first = [repr(value) for value in part.get("args", ())] if isinstance(part, Mapping) else []
    return f"{name_of(part)}({', '.join([*first, *shown])})" if first or shown else name_of(part)


def _short(value: Any) -> str:
    """A setting; one that Keras holds in float32 as it was written."""
    if isinstance(value, Mapping) and ("class_name" in value or "pickled" in value):
        return name_of(value)
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def is_own(part: Any) -> bool:
    """Whether a part was handed over as the user's own code."""
    return isinstance(part, dict) and "pickled" in part


def type_module(value: Any) -> str:
    """The top-level package that a class or function comes from."""
    return str(getattr(value, "__module__", "")).partition(".")[0]


def spared(given: Any) -> dict[str, None]:
    """The key for weights that an optimizer's weight decay leaves out, which it can tell of a model's weights only."""
    kept = ("", "_names", "_pattern")  # where the two Kerases do
    is_told = any(getattr(given, f"_exclude_from_weight_decay{name}", None) for name in kept)
    return {UNDECAYED: None} if is_told else {}


def names_of_weights(model: Any) -> list[str]:
    """The names of a model's trainable variables, each behind its layer's, which both Kerases call alike."""
    layers = {id(one): layer.name for layer in model.layers for one in layer.trainable_variables}
    lasts = [str(one.name).rpartition("/")[2].partition(":")[0] for one in model.trainable_variables]
    return [f"{layers.get(id(one))}/{last}" for one, last in zip(model.trainable_variables, lasts, strict=True)]


def _is_derived(value: Any) -> bool:
    """Whether an object's class derives from one of Keras."""
    return any(type_module(base) in _KERAS for base in type(value).__mro__)


def _texts(kind: str, text: str) -> list[str]:
    """Several parts in one text, split at the commas between them."""
    try:
        call = ast.parse(f"_({text})", mode="eval").body
    except SyntaxError:
        raise _unreadable(kind, text) from None
    if not isinstance(call, ast.Call) or call.keywords:
        raise _unreadable(kind, text)
    return [ast.unparse(part) for part in call.args]


def _read(kind: str, text: str) -> Any:
    text = text.strip()
    if re.fullmatch(r"[A-Za-z_]\w*", text):
        return text
    try:
        value = _literal(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError):
        raise _unreadable(kind, text) from None
    if isinstance(value, dict) and "class_name" in value:
        return value
    if kind == "learning rate" and isinstance(value, int | float):
        return float(value)
    raise _unreadable(kind, text)


def _unreadable(kind: str, text: str) -> InputError:
    return InputError(
        f"The {kind} {text!r} can't be read: write a name, or a name with settings such as {_EXAMPLES[kind]}."
    )


def _literal(node: ast.expr) -> Any:
    """A plain value, or a call of a plain name with plain values as a part."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if any(keyword.arg is None for keyword in node.keywords):
            raise ValueError("** can't be used here")
        settings = {str(keyword.arg): _literal(keyword.value) for keyword in node.keywords}
        return {"class_name": node.func.id, "args": [_literal(value) for value in node.args], "config": settings}
    if isinstance(node, ast.List | ast.Tuple):
        return [_literal(value) for value in node.elts]
    return ast.literal_eval(node)


def _config(kind: str, given: Any) -> dict[str, Any]:
    """An object's settings by Keras's own word."""
    try:
        settings = given.get_config()
    except Exception as error:  # whatever a get_config of the user's own raises
        raise InputError(f"The settings of the {kind} {type(given).__name__} can't be told: {error}") from None
    if kind == "loss" and settings.get("reduction", "") is None:
        settings["reduction"] = "none"  # as both Kerases read it
    return {str(name): _plain(kind, value) for name, value in (settings | _untold(given, settings)).items()}


def _untold(given: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that Keras's `get_config` leaves out, as that of Keras 3's Huber does its `delta`, where they matter."""
    usual = inspect.signature(type(given).__init__).parameters
    settings = getattr(given, "_fn_kwargs", {}).items()
    return {name: value for name, value in settings if name in usual.keys() - told and value != usual[name].default}


def _own_config(kind: str, given: Any) -> dict[str, Any]:
    """The settings of an object of one's own, whose class must tell them."""
    own = [base for base in type(given).__mro__ if type_module(base) not in (*_KERAS, "builtins")]
    if not any("get_config" in vars(base) for base in own):
        _, *parameters = inspect.signature(type(given).__init__).parameters.values()
        known = ("name", "dtype", "learning_rate")
        named = [p.name for p in parameters if p.name not in known and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        if named:
            raise InputError(
                f"The {kind} {type(given).__name__} takes {named[0]!r}, but has no get_config() that tells it: give it "
                "one, so that the workers can make it."
            )
    return _config(kind, given)


def inner_of(given: Any) -> Any:
    """What an object of Keras only wraps: the function of a mean, an optimizer scaled for float16; or None."""
    if type_module(type(given)) not in _KERAS:
        return None
    return given._fn if type(given).__name__ == "MeanMetricWrapper" else getattr(given, "inner_optimizer", None)


def _averaged(kind: str, metric: Any) -> Any:
    """A metric that is the mean of a function's values."""
    if type_module(metric._fn) in _KERAS:
        return describe(kind, metric._fn)
    function = functools.partial(metric._fn, **metric._fn_kwargs) if metric._fn_kwargs else metric._fn
    return {**_pickled(kind, function), "name": metric.name}


def _plain(kind: str, value: Any) -> Any:
    """A config of Keras without what only its own objects can hold."""
    if isinstance(value, Mapping):
        if "class_name" in value:
            own = str(value.get("module") or "").partition(".")[0] not in ("", "builtins", *_KERAS)
            if own or value.get("registered_name") not in (None, value["class_name"]):
                how = "as learning_rate=" if kind == "optimizer" else "by itself"
                raise InputError(
                    f"The {kind} holds a {value['class_name']}, which isn't of Keras: hand that over {how}."
                )
            return {"class_name": value["class_name"], "config": _plain(kind, value.get("config") or {})}
        return {str(key): _plain(kind, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(kind, item) for item in value]
    if hasattr(value, "tolist"):  # NumPy's
        return value.tolist()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InputError(
        f"The {kind} holds a {type(value).__name__}, which can't be sent to the workers: use plain numbers."
    )


def _callback_settings(callback: Any) -> dict[str, Any]:
    """The arguments that one of Keras's callbacks was made with, from its attributes; functions among them pickled."""
    settings: dict[str, Any] = {}
    for name, parameter in inspect.signature(type(callback).__init__).parameters.items():
        if name == "self" or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        value = _callback_setting(callback, name, parameter.default)
        if value is parameter.empty or value == parameter.default:
            continue
        if callable(value):
            if type_module(value) not in _KERAS:  # what a LambdaCallback does by default is nothing
                settings[name] = _pickled("callback", value)
        else:
            settings[name] = value if value is None or isinstance(value, bool | int | float | str) else str(value)
    return settings


def _callback_setting(callback: Any, name: str, default: Any) -> Any:
    if name == "mode":
        compare = getattr(getattr(callback, "monitor_op", None), "__name__", "")
        return {"greater": "max", "less": "min"}.get(compare, getattr(callback, "mode", "auto"))
    if name == "initial_value_threshold":
        best = getattr(callback, "best", None)
        return best if best is not None and math.isfinite(best) else None
    if name == "separator":
        return callback.sep
    value = getattr(callback, name, default)
    return abs(value) if name == "min_delta" else value


class _AsItIs:
    """An object of Keras 3 for pickle, which Keras itself would have make a config that names the class only."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __reduce__(self) -> Any:
        return _as_it_was, (type(self._value), vars(self._value))


def _as_it_was(kind: type, content: Mapping[str, Any]) -> Any:
    made: Any = object.__new__(kind)
    vars(made).update(content)
    return made


def _pickled(kind: str, value: Any) -> dict[str, Any]:
    """What is of one's own, with the code that it is made of."""
    is_code = inspect.isclass(value) or inspect.isfunction(value)
    owner = value if is_code else type(value)
    try:
        data = dumps(_AsItIs(value) if kind == "loss" and not is_code and _is_derived(value) else value)
    except Exception as error:  # whatever its parts raise
        raise InputError(
            f"The {kind} can't be sent to the workers ({' '.join(str(error).split())[:200]}): define it with plain "
            "values only."
        ) from None
    return {"pickled": data, "name": owner.__name__}
