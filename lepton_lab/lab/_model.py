"""`lab.model`: make, bring in, look at and drop models."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.events import NamesChanged
from lepton_lab.lab._code import seal_code
from lepton_lab.lab._workspace import check_name
from lepton_lab.train import KINDS
from lepton_lab.types import CompressedModel, Listing, Measure, Model, Scaling, Target

if TYPE_CHECKING:
    from lepton_lab.lab._lab import Lab


class ModelNoun:
    """The lab's models."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def names(self) -> tuple[str, ...]:
        """Names of the models."""
        return self._lab.workspace.model_names()

    def new(
        self,
        name: str,
        *,
        kind: str = "cnn",
        data: str | None = None,
        input_shape: tuple[int, ...] | None = None,
        num_classes: int | None = None,
        hidden_size: int = 64,
        num_layers: int = 2,
        builder: str | Callable[..., Any] | None = None,
        seed: int = 0,
    ) -> Model:
        """Make a model, in place of an earlier one of that name.

        Parameters
        ----------
        kind
            Of `LeptonModel`: `cnn` or `mlp`; without meaning where there is a builder.
        data
            Data set from which the shapes, the classes and the scaling of rows are taken.
        input_shape, num_classes
            Given by hand, where there is no data set.
        hidden_size, num_layers
            Of `LeptonModel`.
        builder
            A function `build(input_shape, num_classes)` that returns a tf_keras model, or its source. For a data set
            with several inputs or targets these are dicts by their names, which the model's inputs and outputs must
            have.
        seed
            Of the weights.
        """
        check_name("model", name)
        if kind not in KINDS:
            raise UnknownNameError("kind of model", kind, KINDS)
        dataset = self._lab.data.get(data) if data else None
        if dataset is not None:
            shape, target, scaling = dataset.input_shape, dataset.target, dataset.scaling
        elif input_shape and num_classes:
            shape, scaling = tuple(input_shape), Scaling()
            target = Target("classes", classes=tuple(str(number) for number in range(num_classes)))
        else:
            raise InputError(
                "A new model needs to know its rows: name a data set (--data NAME), or give --input-shape and "
                "--num-classes."
            )
        if builder is not None:
            kind = "builder"
            shapes: object = shape
            outputs: object = target.num_outputs
            if dataset is not None and dataset.inputs:
                shapes = {name: shape for name, (shape, _) in dataset.inputs.items()}
            if dataset is not None and dataset.targets:
                outputs = {name: target.num_outputs for name, target in dataset.targets.items()}
            work = ("make_built", {"source": _source(builder), "input_shape": shapes, "num_classes": outputs})
        elif dataset is not None and (dataset.inputs or dataset.targets):
            raise InputError(
                f"The data set {data!r} has several inputs or targets, and a {kind} has one of each: write a builder "
                f"(%%lepton model new {name} --data {data}), whose arguments are dicts by their names."
            )
        else:
            work = (
                "make_family",
                {
                    "kind": kind,
                    "input_shape": shape,
                    "target": target,
                    "scaling": scaling,
                    "hidden_size": hidden_size,
                    "num_layers": num_layers,
                },
            )
        function, arguments = work
        return self._make(name, kind, function, {**arguments, "seed": seed}, data, target.classes)

    def add(self, source: object, *, name: str | None = None) -> Model:
        """Bring in a Keras model (tf_keras or Keras 3) or a `.keras` file, by config and weights.

        Raises
        ------
        InputError
            If it can't be brought over; names the layer.
        """
        if isinstance(source, (str, Path)):
            file = Path(source).expanduser()
            if not file.is_file():
                raise InputError(f"There is no file {file}: give a .keras file, or a Keras model of the notebook.")
            return self._make(name or file.stem, "added", "adopt_file", {"file": file.absolute()}, None, ())
        if not (hasattr(source, "get_config") and hasattr(source, "layers")):
            raise InputError(f"Got a {type(source).__name__}, expected a Keras model or the path of a .keras file.")
        is_keras3 = type(source).__module__.partition(".")[0] == "keras"
        config = {"class_name": type(source).__name__, "config": source.get_config()}
        weights = {layer.name: layer.get_weights() for layer in source.layers}
        arguments = {"config": config, "weights": weights, "is_keras3": is_keras3}
        return self._make(name or str(getattr(source, "name", "model")), "added", "adopt_config", arguments, None, ())

    def _make(
        self, name: str, kind: str, function: str, arguments: dict[str, Any], data: str | None, classes: tuple[str, ...]
    ) -> Model:
        self._lab.run.check_unused("model", name)
        with self._lab.workspace.replacing_model(name) as save:
            shape = self._lab.call(f"lepton_lab.train._models:{function}", {**arguments, "folder": save.folder})
            seal_code(save.folder)
            model = save(
                Model(
                    name=name,
                    folder=save.folder,
                    kind=kind,
                    stage="new",
                    format="keras",
                    dataset=data,
                    classes=classes,
                    input_shape=shape.input_shape,
                    output_shape=shape.output_shape,
                    num_parameters=shape.num_parameters,
                )
            )
        self._lab.events.publish(NamesChanged("model", name))
        return model

    def list(self) -> Listing:
        """All models."""
        rows = [
            (
                m.name,
                m.kind,
                m.stage,
                m.format,
                f"{m.num_parameters:,}",
                m.parent or "-",
                ", ".join(f"{key} {value:.4f}" for key, value in m.metrics.items()) or "-",
            )
            for m in map(self.show, self.names())
        ]
        return Listing(
            "Models",
            ("name", "kind", "stage", "format", "parameters", "from", "metrics"),
            tuple(rows),
            "none yet: %lepton model new NAME --data DATASET",
        )

    def show(self, name: str) -> Model:
        """A model's record.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        return self._lab.workspace.model(name)

    def measures(self) -> Mapping[str, Measure]:
        """What is known by name of models that a compression started from or made."""
        found = {name: self._lab.workspace.measure(name) for name in self.names()}
        return {name: measure for name, measure in found.items() if measure is not None}

    def keep_measures(self, compared: CompressedModel) -> None:
        """Remember what a compression measured of the model that it started from, and of the one that it made."""
        for name, measure in ((compared.model.parent, compared.before), (compared.model.name, compared.after)):
            if name in self.names():
                self._lab.workspace.keep_measure(name, measure)
                self._lab.events.publish(NamesChanged("model", name))

    def drop(self, name: str) -> Listing:
        """Remove a model; what was made from it stays."""
        self.show(name)
        self._lab.run.check_unused("model", name)
        self._lab.workspace.drop("models", name)
        self._lab.events.publish(NamesChanged("model", name))
        return self.list()


def _source(builder: str | Callable[..., Any]) -> str:
    """A builder's source text, with the function under the name `build`."""
    if isinstance(builder, str):
        return builder
    try:
        text = textwrap.dedent(inspect.getsource(builder))
    except (OSError, TypeError):
        raise InputError(
            "The builder's source can't be found: give it as text, or use %%lepton model new NAME."
        ) from None
    return text if builder.__name__ == "build" else f"{text}\nbuild = {builder.__name__}\n"
