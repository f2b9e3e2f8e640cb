"""`Lab`: every verb of the product, as a Python API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from lepton_lab import compress as compressing
from lepton_lab import export as exporting
from lepton_lab.errors import InputError, LeptonError, UnknownNameError
from lepton_lab.events import Bus, NamesChanged
from lepton_lab.lab._cluster import ClusterNoun
from lepton_lab.lab._code import copy_code
from lepton_lab.lab._data import DataNoun
from lepton_lab.lab._lines import line_of
from lepton_lab.lab._model import ModelNoun
from lepton_lab.lab._predict import answering_split, check_destination, predict_rows, predict_split
from lepton_lab.lab._runs import RunNoun
from lepton_lab.lab._summary import summarize
from lepton_lab.lab._training import Training, check_workers, prepare
from lepton_lab.lab._workspace import Workspace, check_name
from lepton_lab.runtime import check_fits, check_one_each
from lepton_lab.train import KINDS
from lepton_lab.types import (
    Bundle,
    ClusterInfo,
    CompressedModel,
    Dataset,
    Evaluation,
    Listing,
    Model,
    Prediction,
    Run,
    Status,
)


class Lab:
    """A session: its data sets, models, runs and exports by name, its cluster, and one workspace folder.

    Parameters
    ----------
    workspace
        The folder; None takes the environment's `LEPTON_WORKSPACE`, else `./lepton_workspace`. It is made when the
        first thing is put into it.

    Examples
    --------
    >>> lab = Lab()                                        # doctest: +SKIP
    >>> lab.cluster.up(workers=2)                          # doctest: +SKIP
    >>> lab.data.load("digits")                            # doctest: +SKIP
    >>> lab.train("cnn", data="digits")                    # doctest: +SKIP
    """

    def __init__(self, workspace: Path | str | None = None) -> None:
        self.workspace = Workspace(workspace)
        self.events = Bus()
        self.cluster = ClusterNoun(self)
        self.data = DataNoun(self)
        self.model = ModelNoun(self)
        self.run = RunNoun(self)

    def close(self) -> None:
        """End the cluster that this session started, with its runs, unless it is detached: then they go on."""
        self.cluster.close()
        self.run.close()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """Run a stage's function in a process that has TensorFlow."""
        from lepton_lab import forkserver

        forkserver.hold()
        return forkserver.call(function, arguments, report=self.events.publish)

    def status(self) -> Status:
        """The lab at a glance: cluster, data sets, models, runs, exports."""
        return self._status(self.cluster.status(), map)

    def _status(self, cluster: ClusterInfo, each: Callable[..., Iterable[Any]]) -> Status:
        return Status(
            workspace=self.workspace.folder,
            cluster=cluster,
            datasets=tuple(each(self.data.get, self.data.names())),
            shard_sets=tuple(self.data.shard_sets()),
            models=tuple(each(self.model.show, self.model.names())),
            runs=tuple(each(self.run.show, self.run.names())),
            exports=self.workspace.bundles(),
        )

    def summary(self) -> dict[str, Any]:
        """The same as plain values that go over a wire, for the sidebar; waits for nobody, not even a dead cluster."""
        summary = summarize(self._status(self.cluster.glance(), _readable), self.cluster.others())
        return {**summary, "workspace": str(self.workspace.folder)}

    def names(self, kind: str) -> tuple[str, ...]:
        """Names of the lab's things of a kind: `data set`, `model`, `run`, `export`, `worker`; or of other clusters."""
        if kind == "worker":
            return tuple(worker.name for worker in self.cluster.handle.workers()) if self.cluster.is_up else ()
        if kind == "cluster":
            return tuple(info.name for info in self.cluster.others())
        if kind == "export":
            return tuple(str(bundle.path) for bundle in self.workspace.bundles())
        return {"data set": self.data.names, "model": self.model.names, "run": self.run.names}[kind]()

    def train(
        self,
        model: str,
        data: str,
        *,
        epochs: int = 10,
        batch_size: int = 64,
        optimizer: Any = "adam",
        learning_rate: Any = None,
        loss: Any = "auto",
        metrics: Any = None,
        callbacks: Any = None,
        validation: float = 0.0,
        class_weight: Any = None,
        augment: Any = None,
        workers: int | None = None,
        strategy: str = "auto",
        warm_start: bool = False,
        seed: int = 0,
        background: bool = False,
        precision: str = "float32",
        clip_norm: float | None = None,
        accumulate: int = 1,
        every: int = 16,
        checkpoint_seconds: float = 10.0,
        keep: int = 3,
        max_failures: int = 3,
    ) -> Run:
        """Train a model on the cluster.

        Parameters
        ----------
        model
            A model's name; a kind of `LeptonModel` (`cnn`, `mlp`) makes one for the data set if none is called so.
        data
            A data set's name; it is sharded first if it isn't yet.
        epochs
            How often every row is seen.
        batch_size
            Rows in a step, over all workers together.
        optimizer, loss
            A name as Keras has it, a name with settings (`"SGD(momentum=0.9)"`), or an object of Keras; a loss may be a
            function of one's own, of (y_true, y_pred), that gives a number for each row, or the name of one in the code
            of the model's builder. The loss `auto` goes by the target.
        learning_rate
            A number, or a schedule as text (`"CosineDecay(0.01, 2000)"`) or object; None takes the optimizer's own.
        metrics, callbacks
            One or several, as names or with settings in a text with commas between, or as objects or functions.
            Callbacks hear of epochs; those that hear of batches are refused.
        validation
            Share of the training rows to hold out; `val_loss` and the metrics on them are in the history.
        class_weight
            `"balanced"`, or a dict of weights by class, or the same as text (`"cat=2,dog=0.5"`).
        augment
            What is done to pictures on the way in: some of `lepton_lab.train.AUGMENTATIONS`.
        workers
            How many of the cluster's workers to use; None for all.
        strategy
            One of `lepton_lab.train.STRATEGIES`.
        warm_start
            Whether to go on from the model's trained weights instead of its first ones.
        seed
            Of the rows' order and of everything random in the model.
        background
            Whether to return at once; see `lab.run.wait` and `lab.run.stop`.
        precision
            One of `lepton_lab.train.PRECISIONS`.
        clip_norm
            What the norm of all gradients together is held below.
        accumulate
            Into how many parts a step is cut, to need less memory; the result is the same.
        every
            Of `averaging`: steps between two averages.
        checkpoint_seconds, keep
            How often a checkpoint is written, and how many stay.
        max_failures
            How often in a row the ranks may fail without getting further before the run is given up.

        Raises
        ------
        InputError
            Before any work, if something can't be used.
        TrainingError
            If the run failed; the message is the earliest cause.
        """
        dataset = self.data.get(data)
        self.cluster.handle  # noqa: B018  # says what to do where there is none
        given = {
            "epochs": epochs,
            "batch_size": batch_size,
            "optimizer": optimizer,
            "learning_rate": learning_rate,
            "loss": loss,
            "metrics": metrics,
            "callbacks": callbacks,
            "validation": validation,
            "class_weight": class_weight,
            "augment": augment,
            "workers": workers,
            "strategy": strategy,
            "warm_start": warm_start,
            "seed": seed,
            "precision": precision,
            "clip_norm": clip_norm,
            "accumulate": accumulate,
            "every": every,
            "checkpoint_seconds": checkpoint_seconds,
            "keep": keep,
            "max_failures": max_failures,
        }
        training = Training.from_given(given)
        training.validate(dataset)
        check_workers(self, training)
        is_new = model in KINDS and model not in self.model.names()
        source = self._model_for(model, dataset)
        line = line_of(self.train, ("train", model), {"data": data} | given)
        classes = dataset.target.classes
        result = replace(source, stage="trained", dataset=data, classes=classes, metrics={}, made_by=line)
        try:
            run = self.run.launch(prepare(self, training, source, dataset, result))
        except LeptonError:
            if is_new:
                self.model.drop(model)
            raise
        return self.run.show(run.id) if background else self.run.follow(run.id)

    def _model_for(self, name: str, dataset: Dataset) -> Model:
        """The model to train; made from the data set's shape where the name is a kind's."""
        if name in KINDS and name not in self.model.names():
            return self.model.new(name, kind=name, data=dataset.name)
        model = self.model.show(name)
        if model.format != "keras" or not (model.folder / "initial.keras").is_file():
            raise InputError(
                f"The model {name!r} is {model.stage} and can't be trained: train {model.parent!r} instead."
            )
        check_fits(model, dataset)
        return model

    def runs(self) -> Listing:
        """All training runs, the latest last."""
        return self.run.list()

    def predict(
        self,
        model: str,
        *,
        data: str | None = None,
        split: str = "test",
        rows: object = None,
        to: Path | str | None = None,
    ) -> Prediction:
        """What a model answers to the rows of a split, or to rows of your own; on all workers, if they are many.

        Parameters
        ----------
        data
            A data set's name; None takes the one that the model was trained on.
        split
            `test` or `train`.
        rows
            An array of raw rows, shape (n, *input_shape), instead of a data set's.
        to
            The `.npy` file for the answers; None numbers one in the workspace's `predictions`.

        Raises
        ------
        InputError
            Before any work, if something can't be used.
        """
        destination = check_destination(to)
        if rows is None:
            chosen, dataset = self._model_and_data(model, data)
            check_fits(chosen, dataset)
            check_one_each(chosen, dataset, "predict")
            return predict_split(self, chosen, dataset, split, destination)
        if data is not None or split != "test":
            raise InputError("--rows came with --data or --split: give either rows of your own, or a data set's.")
        chosen = self.model.show(model)
        check_one_each(chosen, None, "predict")
        return predict_rows(self, chosen, rows, destination)

    def evaluate(self, model: str, *, data: str | None = None, split: str = "test") -> Evaluation:
        """How good a model is on rows of a split.

        Parameters
        ----------
        data
            A data set's name; None takes the one that the model was trained on.
        split
            `test` or `train`.
        """
        chosen, dataset = self._model_and_data(model, data)
        check_fits(chosen, dataset)
        arguments = {"model": chosen, "dataset": dataset, "split": split}
        result: Evaluation
        if dataset.inputs or dataset.targets:  # answered in one process
            result = self.call("lepton_lab.evaluate:evaluate", arguments)
        else:
            with answering_split(self, chosen, dataset, split) as answers:
                result = self.call("lepton_lab.evaluate:evaluate", {**arguments, "answers_file": answers.file})
        return result

    def compress(
        self,
        model: str,
        technique: str,
        *,
        sparsity: float = 0.8,
        scheme: str = "int8",
        data: str | None = None,
        epochs: int = 4,
        batch_size: int = 64,
        calibration_rows: int = 256,
        name: str | None = None,
        seed: int = 0,
    ) -> CompressedModel:
        """Make a smaller model from a trained one, and measure what that cost.

        Parameters
        ----------
        technique
            `prune` (zeroes the least weights while it trains on) or `quantize` (fewer bits a number).
        sparsity
            Of `prune`: the share of weights that become zero.
        scheme
            Of `quantize`: `dynamic`, `float16` or `int8`.
        data
            A data set's name; None takes the one that the model was trained on.
        epochs, batch_size
            Of `prune`: how long to train on.
        calibration_rows
            Of `quantize` by `int8`: training rows from which the ranges are learnt.
        name
            Of the new model; by default the model's name with the technique or scheme behind it.
        """
        if technique not in compressing.TECHNIQUES:
            raise UnknownNameError("technique", technique, compressing.TECHNIQUES)
        source, dataset = self._model_and_data(model, data)
        check_fits(source, dataset)
        if source.stage == "new":
            raise InputError(f"The model {model!r} has not been trained: %lepton train {model} --data {dataset.name}.")
        name = check_name("model", name or f"{model}-{'pruned' if technique == 'prune' else scheme}")
        if name in self.model.names() and self.model.show(name).parent != model:
            raise InputError(
                f"The name {name!r} belongs to a model that was not made from {model!r}: give another --name."
            )
        self.run.check_unused("model", name)
        if technique == "prune":
            return self._prune(source, dataset, name, sparsity, epochs, batch_size, seed)
        return self._quantize(source, dataset, name, scheme, calibration_rows, seed)

    def _prune(
        self, source: Model, dataset: Dataset, name: str, sparsity: float, epochs: int, batch_size: int, seed: int
    ) -> CompressedModel:
        self.cluster.handle  # noqa: B018  # says what to do where there is none
        training = Training(
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            warm_start=True,
            hook="lepton_lab.compress._prune:Pruning",
            hook_options={"sparsity": sparsity},
        )
        training.validate(dataset)
        self.call("lepton_lab.compress:preflight", {"model": source, "technique": "prune", "sparsity": sparsity})

        options = {"sparsity": sparsity, "data": dataset.name, "epochs": epochs, "batch_size": batch_size, "seed": seed}
        line = line_of(self.compress, ("compress", source.name, "prune"), options)
        result = replace(
            source, name=name, stage="pruned", parent=source.name, dataset=dataset.name, metrics={}, made_by=line
        )
        # Training it on would start from the pruned weights, so these are its first ones.
        run = self.run.launch(prepare(self, training, source, dataset, result, initial="model.keras"))
        run = self.run.follow(run.id, to_the_end=True)
        arguments = {"before": source, "after": self.model.show(name), "dataset": dataset}
        compared: CompressedModel = self.call("lepton_lab.compress:compare", arguments)
        self.model.keep_measures(compared)
        return replace(compared, layers=run.layers)

    def _quantize(
        self, source: Model, dataset: Dataset, name: str, scheme: str, calibration_rows: int, seed: int
    ) -> CompressedModel:
        if scheme not in compressing.SCHEMES:
            raise UnknownNameError("scheme", scheme, compressing.SCHEMES)
        with self.workspace.replacing_model(name) as save:
            result: CompressedModel = self.call(
                "lepton_lab.compress:quantize",
                {
                    "model": source,
                    "folder": save.folder,
                    "name": name,
                    "scheme": scheme,
                    "dataset": dataset,
                    "calibration_rows": calibration_rows,
                    "seed": seed,
                },
            )
            copy_code(source.folder, save.folder)
            options = {"scheme": scheme, "data": dataset.name, "calibration_rows": calibration_rows, "seed": seed}
            line = line_of(self.compress, ("compress", source.name, "quantize"), options)
            model = save(replace(result.model, made_by=line))
        result = replace(result, model=model)
        self.model.keep_measures(result)  # which tells of the new name
        return result

    def export(self, model: str, format: str, *, to: Path | str | None = None, rows: int = 256) -> Bundle:
        """Write a model to a file that works without the lab, and check that its answers agree on real rows.

        Parameters
        ----------
        format
            One of `lepton_lab.export.FORMATS`.
        to
            The file; None writes into the workspace's `exports`.
        rows
            How many rows to compare the answers on.
        """
        source = self.model.show(model)
        if format not in exporting.FORMATS:
            raise UnknownNameError("export format", format, exporting.FORMATS)
        path = Path(to).expanduser().absolute() if to else self.workspace.path("exports", f"{model}.{format}")
        dataset = self._dataset_that_fits(source)
        arguments = {"model": source, "format": format, "to": path, "dataset": dataset, "rows": rows}
        bundle: Bundle = self.call("lepton_lab.export:export", arguments)
        self.workspace.add_bundle(bundle)
        self.events.publish(NamesChanged("export", path.name))
        return bundle

    def _dataset_that_fits(self, model: Model) -> Dataset | None:
        """The data set that a model was made for, unless other rows have its name by now."""
        if model.dataset is None or model.dataset not in self.data.names():
            return None
        dataset = self.data.get(model.dataset)
        try:
            check_fits(model, dataset)
        except InputError:
            return None
        return dataset

    def _model_and_data(self, model: str, data: str | None) -> tuple[Model, Dataset]:
        chosen = self.model.show(model)
        if data is None and chosen.dataset is None:
            raise InputError(f"The model {model!r} has seen no data set yet: name one with --data.")
        return chosen, self.data.get(data or str(chosen.dataset))


def _readable(read: Callable[[str], Any], names: Iterable[str]) -> Iterator[Any]:
    """Those of the things that can be read: one whose record is damaged, or was just removed, hides no other."""
    for name in names:
        with suppress(LeptonError):
            yield read(name)
