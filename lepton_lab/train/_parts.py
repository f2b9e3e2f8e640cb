"""Parts of a training that a user names or hands over: optimiser, learning-rate schedule, loss, metrics, callbacks.

In the kernel, which has no TensorFlow, `describe` makes a plain value of what was given:

- a name as Keras has it: `"adam"`, `"auc"`;
- a call as text: `"SGD(momentum=0.9)"`, `"CosineDecay(0.01, 2000)"`, read and never evaluated;
- an object of tf_keras or Keras 3, by its class and settings;
- a function or an object of one's own, by value (cloudpickle).

In a rank, `make` makes tf_keras's object of it. What is pickled goes from the user's kernel to the user's ranks; in a
run's folder, from where a run can be taken up again, it is sealed (see `_seal`).
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from lepton_lab.errors import InputError

_KERAS = ("keras", "tf_keras")


def describe(kind: str, given: Any) -> Any:
    """What travels to the ranks for a part that was given.

    Parameters
    ----------
    kind
        `"optimizer"`, `"learning rate"`, `"loss"`, `"metric"` or `"callback"`.

    Returns
    -------
    A name, a number, `{"class_name", "args", "config"}` of Keras, or `{"pickled": bytes}`.

    Raises
    ------
    InputError
        If it is no part of that kind.
    """
    if isinstance(given, bool) or given is None:
        raise InputError(f"The {kind} is {given!r}: give a name, an object of Keras, or one of your own.")
    if isinstance(given, int | float):
        return float(given)
    if isinstance(given, str):
        return _read(kind, given)
    if isinstance(given, Mapping):
        if "class_name" not in given:
            raise InputError(f"The {kind} is a dict without a 'class_name': give what Keras's serialize() returns.")
        return _plain(kind, given)
    if inspect.isclass(given) and type_module(given) in _KERAS:
        return {"class_name": given.__name__, "args": [], "config": {}}
    if type_module(type(given)) in _KERAS:
        if kind == "callback":
            settings = _callback_settings(given)
            if settings is not None:
                return {"class_name": type(given).__name__, "args": [], "config": settings}
        elif hasattr(given, "get_config"):
            return _plain(kind, {"class_name": type(given).__name__, "config": given.get_config()})
    if inspect.isfunction(given) and type_module(given) in _KERAS:
        return given.__name__
    if not callable(given) and kind in ("optimizer", "learning rate", "loss"):
        raise InputError(f"The {kind} is a {type(given).__name__}: give a name, an object of Keras, or a function.")
    return {"pickled": _pickled(kind, given)}


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
        return str(part.get("class_name", "one of your own"))
    return str(part)


def type_module(value: Any) -> str:
    """The top-level package that a class or function comes from."""
    return str(getattr(value, "__module__", "")).partition(".")[0]


def _texts(kind: str, text: str) -> list[str]:
    """Several parts in one text, split at the commas between them."""
    try:
        call = ast.parse(f"_({text})", mode="eval").body
    except SyntaxError:
        raise _unreadable(kind, text) from None
    assert isinstance(call, ast.Call)
    if call.keywords:
        raise _unreadable(kind, text)
    return [ast.unparse(part) for part in call.args]


def _read(kind: str, text: str) -> Any:
    text = text.strip()
    if re.fullmatch(r"[A-Za-z_]\w*", text):
        return text
    try:
        return _literal(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError):
        raise _unreadable(kind, text) from None


def _unreadable(kind: str, text: str) -> InputError:
    example = {
        "optimizer": "SGD(momentum=0.9)",
        "learning rate": "0.001 or CosineDecay(0.01, 2000)",
        "loss": "Huber(delta=2.0)",
        "metric": "auc,precision",
        "callback": "EarlyStopping(patience=3)",
    }[kind]
    return InputError(f"The {kind} {text!r} can't be read: write a name, or a name with settings such as {example}.")


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


def _plain(kind: str, value: Any) -> Any:
    """A config of Keras without what only its own objects can hold."""
    if isinstance(value, Mapping):
        if "class_name" in value:
            own = str(value.get("module") or "").partition(".")[0] not in ("", "builtins", *_KERAS)
            if own or value.get("registered_name") not in (None, value["class_name"]):
                raise InputError(
                    f"The {kind} holds a {value['class_name']}, which isn't of Keras: hand over a function."
                )
            return {"class_name": value["class_name"], "args": [], "config": _plain(kind, value.get("config") or {})}
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


def _callback_settings(callback: Any) -> dict[str, Any] | None:
    """The arguments that one of Keras's callbacks was made with, from its attributes; None where that can't be told."""
    settings: dict[str, Any] = {}
    for name, parameter in inspect.signature(type(callback).__init__).parameters.items():
        if name in ("self", "args", "kwargs", "options", "initial_value_threshold"):
            continue
        if name == "mode":
            compare = getattr(getattr(callback, "monitor_op", None), "__name__", "")
            settings[name] = {"greater": "max", "less": "min"}.get(compare, getattr(callback, "mode", "auto"))
            continue
        value = getattr(callback, name, parameter.default)
        if name == "min_delta":
            value = abs(value)
        if name == "separator" and not isinstance(value, str):
            value = getattr(callback, "sep", ",")
        if value is inspect.Parameter.empty or callable(value):
            return None
        settings[name] = value if value is None or isinstance(value, bool | int | float | str) else str(value)
    return settings


def _pickled(kind: str, value: Any) -> bytes:
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(value))
    except Exception as error:  # whatever its parts raise
        raise InputError(
            f"The {kind} can't be sent to the workers ({error}): define it with plain values only."
        ) from None


# In a rank, which has TensorFlow.


def make(kind: str, part: Any) -> Any:
    """tf_keras's object (or the user's own) that a part stands for; a name of a loss or a metric gives what Keras has.

    Raises
    ------
    InputError
        If Keras has none of that name, or doesn't take its settings.
    """
    import cloudpickle

    home = _home(kind)
    if isinstance(part, float | int):
        return part
    if isinstance(part, dict) and "pickled" in part:
        value = cloudpickle.loads(part["pickled"])  # from this user's kernel, or from a sealed file
        return value() if inspect.isclass(value) else value
    if isinstance(part, str):
        if kind in ("loss", "metric"):
            return _by_name(kind, part)
        part = {"class_name": part, "args": [], "config": {}}
    names = {name.lower(): name for name in dir(home) if not name.startswith("_")}
    name = names.get(str(part["class_name"]).lower())
    maker = getattr(home, name) if name else None
    if not inspect.isclass(maker):
        known = sorted(n for n in names.values() if inspect.isclass(getattr(home, n)))
        raise InputError(f"Keras knows no {kind} {part['class_name']!r}: {_near(str(part['class_name']), known)}.")
    try:
        args = [_inner(value) for value in part.get("args", ())]
        settings = {key: _inner(value) for key, value in part["config"].items()}
        accepted = inspect.signature(maker.__init__).parameters
        if not part.get("args") and "args" in part:  # an object's settings: Keras 3 has some that tf_keras doesn't
            settings = {key: value for key, value in settings.items() if key in accepted or key in _OF_OPTIMIZERS}
        return maker(*args, **settings)
    except (TypeError, ValueError) as error:
        raise InputError(f"The {kind} {name} can't be made so: {' '.join(str(error).split())[:200]}.") from None


_OF_OPTIMIZERS = ("clipnorm", "clipvalue", "global_clipnorm", "weight_decay", "ema_momentum", "use_ema")


def _home(kind: str) -> Any:
    """Where tf_keras keeps parts of a kind."""
    import tf_keras

    return {
        "optimizer": tf_keras.optimizers,
        "learning rate": tf_keras.optimizers.schedules,
        "loss": tf_keras.losses,
        "metric": tf_keras.metrics,
        "callback": tf_keras.callbacks,
    }[kind]


def _inner(value: Any) -> Any:
    """A setting; a schedule inside an optimiser is made too."""
    if isinstance(value, Mapping) and "class_name" in value:
        return make("learning rate", dict(value))
    return value


def _by_name(kind: str, name: str) -> Any:
    home = _home(kind)
    for candidate in (name, *(other for other in dir(home) if other.lower() == name.lower().replace("_", ""))):
        try:
            return home.get(candidate)
        except (ValueError, TypeError):
            continue
    known = sorted(other for other in dir(home) if callable(getattr(home, other)) and not other.startswith("_"))
    raise InputError(f"Keras knows no {kind} {name!r}: {_near(name, known)}.")


def _near(name: str, known: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name.lower(), [other.lower() for other in known], n=1, cutoff=0.5)
    exact = [other for other in known if near and other.lower() == near[0]]
    usual = [other for other in known if other.islower()] or known
    return f"did you mean {exact[0]!r}?" if exact else f"try {', '.join(usual[:6])}"
