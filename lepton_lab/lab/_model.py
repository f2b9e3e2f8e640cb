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
from lepton_lab.lab._layers import layers
from lepton_lab.lab._workspace import check_name
from lepton_lab.runtime import SAVED_MODEL_GRAPH
from lepton_lab.train import KINDS
from lepton_lab.types import CompressedModel, LayerReport, Listing, Measure, Model, Scaling, Target

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
            work = ("_models:make_built", {"source": _source(builder), "input_shape": shapes, "num_classes": outputs})
        elif dataset is not None and (dataset.inputs or dataset.targets):
            raise InputError(
                f"The data set {data!r} has several inputs or targets, and a {kind} has one of each: write a builder "
                f"(%%lepton model new {name} --data {data}), whose arguments are dicts by their names."
            )
        else:
            work = (
                "_models:make_family",
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

    def add(self, source: object, *, name: str | None = None, allow_code: bool = False) -> Model:
        """Bring in a Keras model of the notebook (tf_keras or Keras 3), a model's file, or a SavedModel's folder.

        Keras models come by config and weights and can be trained; others stay what they are.

        Parameters
        ----------
        source
            A model, or the path of a `.keras`, `.tflite` or `.onnx` file or of a SavedModel.
        name
            What to call it; None takes its own name.
        allow_code
            Whether code that a `.keras` file holds (a Lambda's) may be run, once, now: the model is then kept as a
            SavedModel, which can't be trained. Only for files of people you trust.

        Raises
        ------
        InputError
            If it can't be brought over; names the layer, or the operation.
        """
        if isinstance(source, (str, Path)):
            path = Path(source).expanduser().absolute()
            _check_path(path, allow_code)
            arguments: dict[str, Any] = {"path": path, "allow_code": allow_code}
            return self._make(name or path.stem, "added", "_adopt:adopt_path", arguments, None, ())
        if not (hasattr(source, "get_config") and hasattr(source, "layers")):
            raise InputError(f"Got a {type(source).__name__}, expected a Keras model or the path of a model.")
        if allow_code:
            raise InputError("--allow-code is for .keras files; a model of the notebook comes by config and weights.")
        is_keras3 = type(source).__module__.partition(".")[0] == "keras"
        config = {"class_name": type(source).__name__, "config": source.get_config()}
        weights = {layer.name: layer.get_weights() for layer in source.layers}
        arguments = {"config": config, "weights": weights, "is_keras3": is_keras3}
        title = name or str(getattr(source, "name", "model"))
        return self._make(title, "added", "_models:adopt_config", arguments, None, ())

    def _make(
        self, name: str, kind: str, function: str, arguments: dict[str, Any], data: str | None, classes: tuple[str, ...]
    ) -> Model:
        self._lab.run.check_unused("model", name)
        with self._lab.workspace.replacing_model(name) as save:
            shape = self._lab.call(f"lepton_lab.train.{function}", {**arguments, "folder": save.folder})
            seal_code(save.folder)
            model = save(
                Model(
                    name=name,
                    folder=save.folder,
                    kind=kind,
                    stage="new",
                    format=shape.format,
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

    def layers(
        self, name: str, *, against: str | None = None, data: str | None = None, to: Path | str | None = None
    ) -> LayerReport:
        """What each layer's weights are like, and how far its answers are from those of the float model.

        Parameters
        ----------
        against
            The float model; None for the one that this one was made from. Without one, nothing is compared.
        data
            The data set whose training rows are answered; None takes the one that the model was trained on.
        to
            A `.json` file for the error of every node of the `.tflite` file, as Model Explorer reads it.

        Raises
        ------
        InputError
            Before any work, if something can't be used, or the model that it was made from was made anew since.
        """
        return layers(self._lab, self.show(name), against, data, to)

    def measures(self) -> Mapping[str, tuple[Measure, ...]]:
        """What is known by name of models that a compression started from or made; on each split once, latest last."""
        found = {name: self._lab.workspace.measures(name) for name in self.names()}
        return {name: measures for name, measures in found.items() if measures}

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


def _check_path(path: Path, allow_code: bool) -> None:
    """Raise InputError unless a model may lie at `path`, by its name."""
    if not path.exists():
        raise InputError(f"There is no file {path}: give a model's file or folder, or a Keras model of the notebook.")
    if path.is_dir() and not (path / SAVED_MODEL_GRAPH).is_file():
        raise InputError(
            f"The folder {path} has no {SAVED_MODEL_GRAPH}: give a SavedModel's folder, or a model's file."
        )
    if path.is_file() and path.suffix not in (".keras", ".tflite", ".onnx"):
        raise InputError(f"{path} is no model's file by its name: it must end with .keras, .tflite or .onnx.")
    if allow_code and path.suffix != ".keras":
        raise InputError(f"--allow-code is for .keras files: no code in {path.name} would ever be run.")


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
