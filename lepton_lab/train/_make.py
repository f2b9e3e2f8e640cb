"""Making tf_keras's object of a part that `_parts.describe` described; in a rank, which has TensorFlow."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lepton_lab.errors import InputError
from lepton_lab.runtime import import_keras3, one_line
from lepton_lab.train import _parts

Own = Mapping[str, Any]
"""What the code defines that the model was made by; its names go before Keras's."""

_OF_OPTIMIZERS = ("clipnorm", "clipvalue", "global_clipnorm", "weight_decay", "ema_momentum", "use_ema")


def make(kind: str, part: Any, own: Own | None = None) -> Any:
    """What a part stands for; a name of a loss or a metric gives what Keras has under it, object or function.

    Raises
    ------
    InputError
        If Keras has none of that name, or doesn't take its settings.
    """
    own = own or {}
    if isinstance(part, float | int):
        made: Any = part
    elif _parts.is_own(part):
        made = _unpickled(kind, part)
    elif isinstance(part, str):
        made = _named(kind, part, own)
    else:
        made = _with_settings(kind, part, own)
    return _schedule(made) if kind == "learning rate" and callable(made) else made


def _unpickled(kind: str, part: Mapping[str, Any]) -> Any:
    import cloudpickle

    try:
        value = cloudpickle.loads(part["pickled"])  # from this user's kernel, or from a sealed file
    except Exception as error:  # its modules may be missing here, or its own code raise
        raise InputError(
            f"The {kind} {part['name']} can't be made on the workers ({type(error).__name__}: {one_line(error)}): what "
            "it imports must be installed there."
        ) from None
    if not inspect.isclass(value):
        return value
    settings = part.get("config", {})
    accepted = inspect.signature(value.__init__).parameters
    if not any(parameter.kind == parameter.VAR_KEYWORD for parameter in accepted.values()):
        settings = {name: setting for name, setting in settings.items() if name in accepted}
    try:
        return value(**{name: _inner(setting, {}) for name, setting in settings.items()})
    except TypeError as error:
        raise InputError(
            f"The {kind} {part['name']} can't be made on the workers: {one_line(error)}. Give it a get_config() with "
            "all that its __init__ takes."
        ) from None


def _named(kind: str, name: str, own: Own) -> Any:
    """What a bare name stands for."""
    if name in own:
        return own[name]() if inspect.isclass(own[name]) else own[name]
    if kind not in ("loss", "metric"):
        return _with_settings(kind, {"class_name": name, "config": {}}, own)
    for home in _homes(kind):
        for candidate in (name, *(other for other in dir(home) if other.lower() == name.lower().replace("_", ""))):
            try:
                found = home.get(candidate)
            except (ValueError, TypeError):
                continue
            if not isinstance(found, str):  # metrics.get() gives back what it doesn't know
                return found
    home = _home(kind)
    known = [other for other in dir(home) if callable(getattr(home, other)) and other not in ("get", "Loss", "Metric")]
    raise _unknown(kind, name, [*own, *(other for other in known if "serialize" not in other)])


def _with_settings(kind: str, part: Mapping[str, Any], own: Own) -> Any:
    wanted = str(part["class_name"])
    known = (found for home in _homes(kind) if (found := _classes(home).get(wanted.lower())) is not None)
    maker: Any = own[wanted] if callable(own.get(wanted)) else next(known, None)
    if maker is None:
        raise _unknown(kind, wanted, [*own, *(each.__name__ for each in _classes(_home(kind)).values())])
    if wanted not in own:
        _check_dropped(kind, wanted, part["config"], inspect.signature(maker.__init__).parameters)
    try:
        if kind in ("loss", "metric") and (held := [v for v in part["config"].values() if _is_part(v)]):
            raise InputError(f"The {kind} {wanted} holds a {_parts.name_of(held[0])}: hand that over by itself.")
        settings = {key: _inner(value, own) for key, value in part["config"].items()}
        if "args" not in part:  # an object's settings: Keras 3 has some that tf_keras doesn't
            settings = _known(kind, wanted, settings, inspect.signature(maker.__init__).parameters)
        made: Any = maker(*(_inner(value, own) for value in part.get("args", ())), **settings)
    except InputError:
        raise
    except Exception as error:  # Keras checks its settings with exceptions of every kind
        raise InputError(f"The {kind} {wanted} can't be made so: {one_line(error)[:200].rstrip('.')}.") from error
    if kind == "loss" and "args" not in part and "reduction" in part["config"]:
        made.reduction = part["config"]["reduction"]  # which tf_keras takes by its own words only
    return made


def _check_dropped(kind: str, name: str, settings: Mapping[str, Any], accepted: Mapping[str, Any]) -> None:
    """Refuse settings that Keras takes without a word, or with one in a log only, and does nothing by."""
    mode = settings.get("mode", "auto")
    if kind == "callback" and mode not in ("auto", "min", "max"):
        raise InputError(f"The callback {name} has mode={mode!r}, which Keras drops: say 'auto', 'min' or 'max'.")
    takes_any = any(parameter.kind == parameter.VAR_KEYWORD for parameter in accepted.values())
    for key in settings.keys() - accepted.keys():
        if takes_any and (kind == "callback" or (kind, key) == ("optimizer", "lr")):
            mend = "say learning_rate=" if key == "lr" else f"it takes {', '.join(list(accepted)[1:-1])}"
            raise InputError(f"The {kind} {name} has {key}={settings[key]!r:.60}, which Keras drops: {mend}.")


def _known(kind: str, name: str, settings: dict[str, Any], accepted: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that tf_keras has too; one that it hasn't may only be left at nothing."""
    kept = {key: value for key, value in settings.items() if key in accepted or key in _OF_OPTIMIZERS}
    for key in settings.keys() - kept.keys() - {"name", "dtype", "reduction", "fn"}:
        if settings[key] not in (None, False, 0) and (key, settings[key]) != ("axis", -1):
            mend = "leave it out"
            if key == "gradient_accumulation_steps":
                mend += f", and give a batch size {settings[key]} times as large with --accumulate {settings[key]}"
            raise InputError(f"The {kind} {name} has {key}={settings[key]}, which can't be used here: {mend}.")
    kept.pop("reduction", None)
    if kind == "metric" and "int" in str(kept.get("dtype")):  # Keras 3 counts in it, tf_keras divides in it
        del kept["dtype"]
    return kept


def _is_abstract(name: str) -> bool:
    return name.startswith("_") or name in (
        "Optimizer",
        "LearningRateSchedule",
        "Loss",
        "Reduction",
        "Metric",
        "Callback",
    )


def _home(kind: str, keras: Any = None) -> Any:
    """Where tf_keras, or another Keras, keeps parts of a kind."""
    import tf_keras

    keras = keras or tf_keras
    return {
        "optimizer": keras.optimizers,
        "learning rate": keras.optimizers.schedules,
        "loss": keras.losses,
        "metric": keras.metrics,
        "callback": keras.callbacks,
    }[kind]


def _homes(kind: str) -> Iterator[Any]:
    """Where parts of a kind are looked for: a loss that only Keras 3 has, such as Dice, computes on tensors too."""
    yield _home(kind)
    if kind == "loss":
        yield _home(kind, import_keras3())


def _classes(home: Any) -> dict[str, Any]:
    """Classes by their names in small letters."""
    return {name.lower(): one for name, one in vars(home).items() if inspect.isclass(one) and not _is_abstract(name)}


def _is_part(value: Any) -> bool:
    return isinstance(value, Mapping) and ("class_name" in value or "pickled" in value)


def _inner(value: Any, own: Own) -> Any:
    """A setting; a schedule inside an optimiser, or a function inside a callback, is made too."""
    if _is_part(value):
        return make("setting", value, own) if "pickled" in value else make("learning rate", dict(value), own)
    return value


def _schedule(made: Callable[[Any], Any]) -> Any:
    """A schedule of tf_keras; one of Keras 3, or a function of the step, inside one."""
    import tf_keras

    if isinstance(made, tf_keras.optimizers.schedules.LearningRateSchedule):
        return made

    class Given(tf_keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # tf_keras is untyped
        """The user's own schedule."""

        def __call__(self, step: Any) -> Any:
            import tensorflow as tf

            return tf.cast(made(tf.cast(step, tf.float32)), tf.float32)

        def get_config(self) -> dict[str, Any]:
            return {}

    return Given()


def _unknown(kind: str, name: str, known: list[str]) -> InputError:
    near = difflib.get_close_matches(name.lower(), [other.lower() for other in known], n=1, cutoff=0.5)
    exact = [other for other in known if near and other.lower() == near[0]]
    usual = sorted(other for other in known if other.islower()) or sorted(known)
    if name.lower() in _classes(_home(kind, import_keras3())):
        return InputError(
            f"The {kind} {name} is one of Keras 3 only, and models are trained by tf_keras here, which has none such: "
            f"take another, such as {exact[0] if exact else usual[0]}."
        )
    hint = f"did you mean {exact[0]!r}?" if exact else f"try {', '.join(usual[:6])}."
    return InputError(f"tf_keras, by which models are trained here, knows no {kind} {name!r}: {hint}")
