"""`lab.model`: make, bring in, look at and drop models."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lepton_lab.display import size
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.events import NamesChanged
from lepton_lab.lab._code import seal_code
from lepton_lab.lab._keras_object import save_keras
from lepton_lab.lab._layers import layers
from lepton_lab.lab._training import packed
from lepton_lab.lab._variables import data_name, is_keras_model, mark_of, model_name
from lepton_lab.lab._verbs import verbs
from lepton_lab.lab._versions import freed_by, link_all, split_name
from lepton_lab.lab._workspace import check_name
from lepton_lab.runtime import (
    CODE,
    SAVED_MODEL_GRAPH,
    answers_of,
    names_of,
    read_config,
    read_endings,
    read_output_names,
)
from lepton_lab.train import KINDS, compiled_in, compiled_of
from lepton_lab.types import CompressedModel, LayerReport, Listing, Measure, Model, Scaling, Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lepton_lab.lab._lab import Lab

ADOPT_SECONDS = 600.0
"""How long bringing in a model may take: a net of 400 layers takes a minute on a busy core."""


@verbs
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
        """Make a model, in place of an earlier one of that name, which stays as a version if it had learnt anything.

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
        elif target.positions:
            raise InputError(
                f"The data set {data!r} has {target.describe()}, and a {kind} gives one answer a row: write a builder "
                f"(%%lepton model new {name} --data {data}), or bring in a Keras model of your own."
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

    def add(self, source: Any, *, name: str | None = None, allow_code: bool = False) -> Model:
        """Bring in a Keras model of the notebook (tf_keras or Keras 3), a model's file, or a SavedModel's folder.

        Keras models come by the file that their own Keras saves, and can be trained; others stay what they are.

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
            compiled = _compiled_in(path) if path.suffix == ".keras" and path.is_file() else {}
            return self._adopt(name or path.stem, path, compiled, allow_code=allow_code)
        if not is_keras_model(source):
            raise InputError(f"Got a {type(source).__name__}, expected a Keras model or the path of a model.")
        if allow_code:
            raise InputError("--allow-code is for .keras files; a model of the notebook comes without its code.")
        return self.bring(source, name or str(getattr(source, "name", "model")), {})

    def bring(self, model: Any, name: str, rows: Mapping[str, tuple[int, ...]], known: Model | None = None) -> Model:
        """Bring in a Keras model of the notebook; sizes that its inputs leave open are those of `rows`, as for
        `lepton_lab.train._models.adopt_file`, and its data set and the names in that are those of `known`."""
        fields = ("dataset", "classes", "columns", "target", "target_classes")
        kept = {"mark": mark_of(model)} | ({} if known is None else {name: getattr(known, name) for name in fields})
        with TemporaryDirectory(prefix="lepton-") as folder:
            path = save_keras(model, Path(folder))
            return self._adopt(name, path, compiled_of(model), kept, what="The model", rows=rows)

    def _adopt(
        self,
        name: str,
        path: Path,
        compiled: Mapping[str, Any],
        kept: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> Model:
        arguments["path"] = path
        return self._make(name, "added", "_adopt:adopt_path", arguments, None, (), compiled, kept, ADOPT_SECONDS)

    def _make(
        self,
        name: str,
        kind: str,
        function: str,
        arguments: dict[str, Any],
        data: str | None,
        classes: tuple[str, ...],
        compiled: Mapping[str, Any] | None = None,
        kept: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Model:
        """Make a model's files by a function of the training stage.

        `compiled` is what it was compiled with; None looks into the file that was written, as a builder may compile.
        `kept` are further fields of its record.
        """
        self._lab.run.check_unused("model", name)
        with self._lab.workspace.replacing_model(name) as save:
            function, arguments = f"lepton_lab.train.{function}", {**arguments, "folder": save.folder}
            shape = self._lab.call(function, arguments, timeout)
            seal_code(save.folder)
            endings = read_endings(save.folder / "model.keras") if shape.format == "keras" else {}
            if compiled is None:
                compiled = _compiled_in(save.folder / "model.keras", save.folder / CODE)
            model = save(
                replace(
                    Model(
                        name=name,
                        folder=save.folder,
                        kind=kind,
                        stage="new",
                        format=shape.format,
                        dataset=data,
                        input_shape=shape.input_shape,
                        output_shape=shape.output_shape,
                        num_parameters=shape.num_parameters,
                        **(names_of(self._lab.data.get(data)) if data else {"classes": classes}),
                        answers=answers_of(endings),
                        compiled=packed(compiled),
                        notes=shape.notes,
                        library=shape.library,
                    ),
                    **(kept or {}),
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
            for m in map(self._lab.workspace.model, self.names())
        ]
        return Listing(
            "Models",
            ("name", "kind", "stage", "format", "parameters", "from", "metrics"),
            tuple(rows),
            "none yet: %lepton model new NAME --data DATASET",
        )

    def show(self, name: str) -> Model:
        """A model's record, with what it was before it was made anew: its versions.

        Parameters
        ----------
        name
            A model's name, or that of a version of it: `net@3`.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        model = self._lab.workspace.model(name)
        return model if "@" in name else replace(model, versions=self._lab.workspace.versions(name))

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
        given = None if data is None else data_name(self._lab, data)[0]
        return layers(self._lab, self.show(model_name(self._lab, name)[0]), against, given, to)

    def weights(self, name: str) -> Sequence[NDArray[Any]]:
        """A Keras model's weights as they are now, in the order of Keras's `get_weights`.

        They go back into the notebook's own model by `net.set_weights(lab.model.weights("net"))`.

        Raises
        ------
        InputError
            If it is no Keras model any more.
        """
        model = self.show(name)
        if model.format != "keras":
            raise InputError(f"The model {name!r} is {model.stage}, a .{model.format} file, and has no Keras weights.")
        found: Sequence[NDArray[Any]] = self._lab.call("lepton_lab.train._models:read_weights", {"model": model})
        return found

    def measures(self) -> Mapping[str, tuple[Measure, ...]]:
        """What is known by name of models that a compression started from or made; on each split once, latest last."""
        found = {name: self._lab.workspace.measures(name) for name in self.names()}
        return {name: measures for name, measures in found.items() if measures}

    def keep_measures(self, compared: CompressedModel) -> None:
        """Remember what a compression measured of the model that it started from, and of the one that it made."""
        for name, measure in ((compared.model.parent, compared.before), (compared.model.name, compared.after)):
            if name and self._lab.workspace.has_model(name):
                self._lab.workspace.keep_measure(name, measure)
                self._lab.events.publish(NamesChanged("model", name))

    def restore(self, name: str) -> Model:
        """Make an earlier version of a model the model again, as a new version: what it is now becomes one, too.

        Parameters
        ----------
        name
            The version's: `net@3`.

        Raises
        ------
        InputError
            If it is the model as it is now, or a run under way works with the model.
        """
        base, number = split_name(name)
        source = self.show(name)
        if source.folder == self.show(base).folder:
            others = ", ".join(f"{base}@{version.number}" for version in self.show(base).versions)
            what = f"{base!r} is the model as it is now" if number is None else f"{name!r} is what {base!r} is now"
            raise InputError(f"{what}: name an earlier version of it{f', one of {others}' if others else ''}.")
        self._lab.run.check_unused("model", base)
        with self._lab.workspace.replacing_model(base) as save:
            link_all(source.folder, save.folder)
            save(replace(source, name=base, folder=save.folder))
        self._lab.events.publish(NamesChanged("model", base))
        return self.show(base)

    def drop(self, name: str, *, keep: int | None = None) -> Listing:
        """Remove a model with all its versions, or some versions of it; what was made from it stays.

        Parameters
        ----------
        name
            A model's name, or that of an earlier version: `net@3`.
        keep
            Remove none but earlier versions, all but so many of the latest.

        Raises
        ------
        InputError
            If a run under way works with it, or the version is the model as it is now.
        """
        base, number = split_name(name)
        model, workspace = self.show(name), self._lab.workspace
        versions = [f"{base}@{version.number}" for version in workspace.versions(base)]
        if number is not None and keep is not None:
            raise InputError(f"--keep is for a model with all its versions: give {base!r}, or leave --keep out.")
        if number is not None and model.folder == self.show(base).folder:
            raise InputError(
                f"{name!r} is what {base!r} is now: drop {base!r}, or restore another version first "
                "(%lepton model restore NAME@N)."
            )
        if keep is not None and keep < 0:
            raise InputError(f"--keep is {keep}, but must be at least 0.")
        going = [name] if number is not None else versions[: max(0, len(versions) - (keep or 0))]
        if number is None and keep is None:
            going = [*going, base]
        for one in going:
            self._lab.run.check_unused("model", one)
        folders = [workspace.model(one).folder for one in going]
        freed = freed_by(folders)
        for folder in folders:  # the model itself last: without it, the latest version would be taken for it
            workspace.drop("models", folder.name)
        self._lab.events.publish(NamesChanged("model", base))
        what = ", ".join(reversed(going)) or f"none of {base}'s earlier versions"
        return replace(self.list(), notes=(f"dropped {what}: {size(freed)} freed",))


def _compiled_in(file: Path, code: Path | None = None) -> Mapping[str, Any]:
    """What the model in a `.keras` file was compiled with, when its own code, if any, is in the file `code`."""
    source = code.read_text() if code is not None and code.is_file() else ""
    own = [part.name for part in ast.parse(source).body if isinstance(part, ast.FunctionDef | ast.ClassDef)]
    return compiled_in(read_config(file)[0], read_output_names(file), own)


def _check_path(path: Path, allow_code: bool) -> None:
    """Raise InputError unless a model may lie at `path`, by its name."""
    if not path.exists():
        raise InputError(f"There is no file {path}: give a model's file or folder, or a Keras model of the notebook.")
    if path.is_dir() and not (path / SAVED_MODEL_GRAPH).is_file():
        raise InputError(
            f"The folder {path} has no {SAVED_MODEL_GRAPH}: give a SavedModel's folder, or a model's file."
        )
    if path.is_file() and path.suffix not in (".keras", ".tflite", ".onnx"):
        opened = ": open it by the Keras that wrote it (keras.models.load_model), and add the model"
        raise InputError(
            f"{path} is no model's file by its name: it must end with .keras, .tflite or .onnx"
            f"{opened if path.suffix in ('.h5', '.hdf5') and not path.name.endswith('.weights.h5') else ''}."
        )
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
