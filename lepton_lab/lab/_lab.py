"""`Lab`: every verb of the product, as a Python API."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from lepton_lab.compress import SEARCH, TECHNIQUES
from lepton_lab.errors import InputError, LeptonError, UnknownNameError
from lepton_lab.events import Bus
from lepton_lab.explain import Options
from lepton_lab.lab._cluster import ClusterNoun
from lepton_lab.lab._compress import compress
from lepton_lab.lab._data import DataNoun
from lepton_lab.lab._evaluate import evaluate, model_or_file
from lepton_lab.lab._explain import explain
from lepton_lab.lab._export import export
from lepton_lab.lab._folds import cross_validate
from lepton_lab.lab._latest import latest
from lepton_lab.lab._lines import line_of
from lepton_lab.lab._model import ModelNoun
from lepton_lab.lab._predict import check_destination, predict_rows, predict_split
from lepton_lab.lab._runs import RunNoun
from lepton_lab.lab._schedule import map_items, plan, schedule
from lepton_lab.lab._search import search
from lepton_lab.lab._summary import summarize
from lepton_lab.lab._training import Training, check_workers, names_after, prepare
from lepton_lab.lab._variables import data_name, model_name
from lepton_lab.lab._verbs import verbs
from lepton_lab.lab._versions import split_name
from lepton_lab.lab._workspace import Workspace
from lepton_lab.runtime import fitted
from lepton_lab.schedule import Log
from lepton_lab.train import KINDS
from lepton_lab.types import (
    Bundle,
    ClusterInfo,
    CompressedModel,
    CrossValidation,
    Dataset,
    Evaluation,
    Explanation,
    Front,
    Listing,
    Model,
    Plan,
    Prediction,
    Preflight,
    Run,
    Schedule,
    Status,
)


@verbs
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
        self.last_map: Log | None = None
        self._process = os.getpid()

    def close(self) -> None:
        """End the cluster that this session started, with its runs, unless it is detached: then they go on.

        A forked copy of the process that made the lab leaves everything alone, since it owns none of it.
        """
        if os.getpid() != self._process:
            return
        self.cluster.close()
        self.run.close()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, function: str, arguments: Mapping[str, Any], timeout: float | None = None) -> Any:
        """Run a stage's function in a process that has TensorFlow, for at most `timeout` seconds."""
        from lepton_lab import forkserver

        forkserver.hold()
        return forkserver.call(function, arguments, report=self.events.publish, timeout=timeout)

    def status(self) -> Status:
        """The lab at a glance: cluster, data sets, models, runs, exports."""
        return self._status(self.cluster.status(), map)

    def _status(self, cluster: ClusterInfo, each: Callable[..., Iterable[Any]]) -> Status:
        return Status(
            workspace=self.workspace.folder,
            cluster=cluster,
            datasets=tuple(each(self.data.get, self.data.names())),
            shard_sets=tuple(self.data.shard_sets()),
            models=tuple(each(self.workspace.model, self.model.names())),
            runs=tuple(sorted(each(self.run.show, self.run.names()), key=lambda run: run.started, reverse=True)),
            exports=self.workspace.bundles(),
        )

    def summary(self) -> dict[str, Any]:
        """The same as plain values that go over a wire, for the sidebar; waits for nobody, not even a dead cluster."""
        summary = summarize(self._status(self.cluster.glance(), _readable), self.cluster.others())
        return {**summary, "workspace": str(self.workspace.folder)}

    def names(self, kind: str) -> tuple[str, ...]:
        """Names of the lab's things of a kind: `data set`, `model`, `run`, `export`, `worker`; or of other clusters.

        `model version` gives the names of all models' versions.
        """
        if kind == "model version":
            return tuple(f"{base}@{one.number}" for base in self.model.names() for one in self.workspace.versions(base))
        if kind == "worker":
            return tuple(worker.name for worker in self.cluster.handle.workers()) if self.cluster.is_up else ()
        if kind == "cluster":
            return tuple(info.name for info in self.cluster.others())
        if kind == "export":
            return tuple(str(bundle.path) for bundle in self.workspace.bundles())
        return {"data set": self.data.names, "model": self.model.names, "run": self.run.names}[kind]()

    def latest(self, kind: str) -> str:
        """The name of the data set, model or run that was made or used last; empty where there is none."""
        return latest(self, kind)

    def train(
        self,
        model: Any,
        data: str,
        *,
        epochs: int = 10,
        batch_size: int = 64,
        optimizer: Any = None,
        learning_rate: Any = None,
        loss: Any = None,
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
            A model's name; a kind of `LeptonModel` (`cnn`, `mlp`) makes one for the data set if none is called so. Or a
            Keras model (tf_keras or Keras 3), which is brought in under its own name. What it had learnt before stays
            as a version of it, `net@3`, which every verb takes; see `lab.model.restore`.
        data
            A data set's name; it is sharded first if it isn't yet.
        epochs
            How often every row is seen.
        batch_size
            Rows in a step, over all workers together.
        optimizer, loss
            A name as Keras has it, a name with settings (`"SGD(momentum=0.9)"`), or an object of Keras; a loss may be a
            function of one's own, of (y_true, y_pred), that gives a number for each row or one for all, or the name of
            one in the code of the model's builder, or a dict of such by output. `auto` goes by the target. None takes
            what the model was compiled with; of one that wasn't compiled `adam` and `auto`.
        learning_rate
            A number, or a schedule as text (`"CosineDecay(0.01, 2000)"`) or object; None takes the optimizer's own.
        metrics, callbacks
            One or several, as names or with settings in a text with commas between, or as objects or functions.
            Callbacks hear of epochs; those that hear of batches are refused. None takes the metrics that the model was
            compiled with.
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
            Whether to go on from the model's trained weights, as Keras's `fit` does, instead of its first ones. The
            optimizer begins anew: its moments, and the step of its schedule.
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
        data, loaded = data_name(self, data, model)
        dataset = self.data.get(data)
        model, brought = model_name(self, model, dataset)
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
        is_new = model in KINDS and model not in self.model.names()
        training = Training.from_given(given, {} if is_new else self.model.show(model).compiled)
        training.validate(dataset)
        check_workers(self, training)
        source = self._model_for(model, dataset)
        names, notes = names_after(source, dataset, warm_start)
        notes += self._beginning(source, warm_start)
        line = line_of(self.train, ("train", model), {"data": data} | given)
        source = replace(source, name=split_name(model)[0])
        result = replace(source, stage="trained", dataset=data, metrics={}, made_by=line, **names)
        try:
            run = self.run.launch(
                prepare(self, training, source, dataset, result, notes=(*filter(None, [loaded, brought]), *notes))
            )
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
            what = model.stage if model.parent else f"in the format {model.format}"
            mend = f"train {model.parent!r} instead" if model.parent else "bring it in as a .keras file"
            raise InputError(f"The model {name!r} is {what} and can't be trained: {mend}.")
        return model

    def _beginning(self, source: Model, warm_start: bool) -> tuple[str, ...]:
        """What is to be known of a run that trains a trained model anew."""
        base = split_name(source.name)[0]
        current = self.workspace.model(base)
        notes = []
        if source.stage == "trained" and not warm_start:
            notes.append("it starts from the first weights, not from the trained ones: --warm-start goes on from these")
        if warm_start:
            notes.append("the optimizer begins anew: what it remembered and the step of its schedule are not kept")
        if current.stage != "new" or current.kind == "added":
            kept = f"{base}@{current.version}"
            notes.append(f"what {base} is now stays as {kept}: %lepton model restore {kept} brings it back")
        return tuple(notes)

    def runs(self) -> Listing:
        """All training runs, the latest first."""
        return self.run.list()

    def plan(self, tasks: object, machines: object = None, *, limit: float = 20.0) -> Plan:
        """Who should do what, so that all is done as soon as it can be; nothing is done.

        Parameters
        ----------
        tasks
            A list of `Task` or of dicts, a DataFrame, or a CSV file's path. Columns: `name`, one of seconds for each
            kind of device (`cpu`, `gpu`, ...; empty where it can't do the task), and if wanted `demand` (of a machine's
            capacity), `priority`, `deadline` (seconds), `num_bytes`, `at` (names of the machines that hold these).
        machines
            Likewise, of `Machine`: `name`, `kind`, `capacity`, `ready` (seconds), `slowness`, `bytes_per_second`. Each
            does one task at a time; None takes a machine for each thread of the cluster's workers.
        limit
            Seconds in which to look for the best plan. The plan says how far from it it may be.

        Raises
        ------
        InputError
            If a row can't be used, a task can be done by no machine, or they don't fit into the capacities.
        ClusterError
            If no machines are given and no cluster is up.
        """
        return plan(self, tasks, machines, limit)

    def map(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any],
        *,
        seconds: Mapping[str, float] | Callable[[Any], Mapping[str, float]] | None = None,
        priority: int | Callable[[Any], int] = 0,
        deadline: float | Callable[[Any], float] | None = None,
        demand: float | Callable[[Any], float] = 0.0,
    ) -> list[Any]:
        """What a function gives for each item, in their order; called on the cluster's workers, an item at a time.

        A worker that joins takes its share, and what one had that is lost is done again elsewhere, so a function may be
        called twice with an item, though each result is there once. An interrupt ends calls under way as well; those
        that it can't end, such as a wait in C, are named.

        The function goes to each worker once, with all that it uses of the notebook and of modules of one's own, as
        these are now; modules that are installed, or that it imports itself, are imported there. What it prints goes to
        `%lepton cluster logs`.

        An item may be data that lies on workers: a Dask future, of which the function gets the value, or a `Shard`,
        which it opens (`lepton_lab.data.open_shard`). The call goes where the data lies, unless it would be done sooner
        elsewhere, the way of the data included. `lab.schedule()` says what was planned and what happened.

        Parameters
        ----------
        seconds
            How long a call takes by kind of device, such as `{"cpu": 4.0, "gpu": 0.5}`, or a function that says so of
            an item; it goes to none of another kind. What was measured corrects it. None: any device will do.
        priority
            Higher ones go first; a number, or a function that says so of an item.
        deadline
            Seconds from now; earlier ones go first among those of the same priority.
        demand
            Bytes of memory that a call needs: those that run at once on a worker never ask for more than its limit.

        Raises
        ------
        InputError
            If no worker has a device that an item needs; before anything runs, if none has the memory, or the function
            or an item can't be sent to a worker; or if a result can't be sent back.
        UserCodeError
            If the function raises, or an item takes three workers with it; carries the traceback.
        ClusterError
            If no cluster is up, or it went, or an item's data was lost with its worker.
        """
        return map_items(self, function, items, seconds, priority, deadline, demand)

    def schedule(self) -> Schedule:
        """What the last `map` planned and what happened, also while it goes on.

        Raises
        ------
        InputError
            If there was none yet.
        """
        return schedule(self)

    def predict(
        self,
        model: Any,
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
            Raw rows instead of a data set's: an array of shape (n, *input_shape); a frame, whose columns are matched by
            name; for several inputs a dict of arrays by their names.
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
            return predict_split(self, chosen, fitted(chosen, dataset), split, destination)
        if data is not None or split != "test":
            raise InputError("--rows came with --data or --split: give either rows of your own, or a data set's.")
        return predict_rows(self, self.model.show(model_name(self, model, arrays=rows)[0]), rows, destination)

    def evaluate(
        self,
        model: Any,
        *,
        data: str | None = None,
        split: str = "test",
        against: Any = None,
        folds: int | None = None,
    ) -> Evaluation | CrossValidation:
        """How good a model is on rows of a split, and whether it is better there than another one.

        Parameters
        ----------
        model
            A model's name, or the path of a model's file, such as an exported one.
        data
            A data set's name; None takes the one that the model was trained on. A file has none.
        split
            `test` or `train`.
        against
            Another model, or file, to compare with on the same rows.
        folds
            Instead of that: cut the training rows into so many parts and train the model anew for each, as it was last
            trained, on all the others; in parallel, each on a worker. It tells how good the way of training is, without
            the test split.

        Raises
        ------
        InputError
            Before any work, if something can't be used.
        """
        if folds is not None:
            if against is not None or split != "test":
                raise InputError("--folds came with --against or --split: give it alone.")
            return cross_validate(self, *self._model_and_data(model, data), folds)
        dataset = self._given_data(data, model)
        source = model_or_file(self, model_name(self, model, dataset)[0])
        other = None if against is None else model_or_file(self, model_name(self, against, dataset)[0])
        return evaluate(self, source, dataset or self.data_of(source, None), split, other)

    def explain(
        self,
        model: Any,
        *,
        data: str | None = None,
        method: str = "auto",
        rows: int | None = None,
        split: str = "test",
        label: str | None = None,
        layer: str | None = None,
        baseline: str = "auto",
        steps: int = 256,
        repeats: int = 5,
        samples: int = 512,
        seed: int = 0,
    ) -> Explanation:
        """Why a model answers rows as it does, or what it goes by as a whole.

        Parameters
        ----------
        data
            A data set's name; None takes the one that the model was trained on.
        method
            One of `lepton_lab.explain.METHODS`; `auto` takes `integrated_gradients` for a Keras model of pictures, else
            `permutation`.
        rows
            How many, taken at equal distances; None for as many as the method takes: 500 for `permutation`, else 8.
        split
            `test` or `train`.
        label
            The class, label or number to explain, by its name; None for what the model answers to each row.
        layer
            Of `grad_cam`: the layer whose maps are looked at.
        baseline
            Of `integrated_gradients`: `zeros`, `mean` (of the training rows), or `auto`: the mean for tables.
        steps
            Of `integrated_gradients`: more make the error smaller.
        repeats
            Of `permutation`: how often each column is shuffled.
        samples
            Of the SHAP methods: points, or coalitions, a row.
        seed
            Of all that is drawn by chance.

        Raises
        ------
        InputError
            Before any work, if something can't be used.
        MissingExtraError
            If a SHAP method is asked for, and SHAP is not installed.
        """
        options = Options(label, layer, baseline, steps, repeats, samples, seed)
        return explain(self, *self._model_and_data(model, data), method, rows, split, options)

    def compress(
        self,
        model: Any,
        technique: str,
        *,
        sparsity: float = 0.8,
        schedule: str = "polynomial",
        m_by_n: str | None = None,
        clusters: int = 16,
        scheme: str = "int8",
        calibration_rows: int = 256,
        tolerance: float = 0.5,
        student: str | None = None,
        width: float = 0.5,
        temperature: float = 4.0,
        alpha: float = 0.9,
        data: str | None = None,
        epochs: int = 4,
        batch_size: int = 64,
        learning_rate: float | None = None,
        workers: int | None = None,
        name: str | None = None,
        budget: str | None = None,
        recipes: int = 12,
        seed: int = 0,
        dry_run: bool = False,
    ) -> CompressedModel | Preflight | Front:
        """Make a smaller model from a trained one, and measure what that cost.

        Techniques go together one after the other: what is clustered or quantisation-aware trained after it was pruned
        keeps its zeros, and its clusters, and remembers the lines that made it.

        Parameters
        ----------
        technique
            One of `lepton_lab.compress.TECHNIQUES`: `prune` (zeroes the least weights), `cluster` (lets weights share a
            few values), `qat` (quantisation-aware training, to int8), `distill` (a smaller model learns from this one),
            which train on the cluster; `quantize` (fewer bits a number) needs none. Or `search`: many of them and
            chains of them, tried in parallel on the cluster, of which a budget picks one; called again, it goes on.
        sparsity, schedule, m_by_n
            Of `prune`: the share of weights that become zero; how it grows, `polynomial` or `constant`; and instead of
            a share zeros in each so many weights, such as `"2:4"`.
        clusters
            Of `cluster`: how many different weights each layer may have.
        scheme
            Of `quantize`: one of `lepton_lab.compress.SCHEMES`.
        calibration_rows
            Of `quantize`: training rows from which the ranges of activations are learnt.
        tolerance
            Of `quantize` by `mixed`: points of accuracy that may be lost on training rows.
        student, width
            Of `distill`: the name of the model that learns; or how wide it is to be beside this one.
        temperature, alpha
            Of `distill`: what softens the teacher's answers, and its share in the loss.
        data
            A data set's name; None takes the one that the model was trained on.
        epochs, batch_size, learning_rate, workers
            Of what trains: as for `train`; the learning rate of `qat` is 1e-4 where none is given.
        name
            Of the new model; by default the model's name with its new stage behind it.
        budget
            Of `search`: conditions with commas between, such as `"size<200KB, accuracy>-0.5"` (points beside the model
            that one begins with): `size`, `gzip`, `memory`, `latency` (`<50us`), `accuracy` (`>97`), `mae` (`<+5`, per
            cent).
        recipes
            Of `search`: how many of `lepton_lab.compress.RECIPES` to try.
        dry_run
            Whether to say only what would be done to each layer.

        Raises
        ------
        InputError, ConversionError
            Before any work, if something can't be used.
        """
        settings = {key: value for key, value in locals().items() if key not in ("self", "model", "technique", "data")}
        if technique not in (*TECHNIQUES, SEARCH):
            raise UnknownNameError("technique", technique, (*TECHNIQUES, SEARCH))
        source, dataset = self._model_and_data(model, data)
        if technique == SEARCH:
            if dry_run:
                raise InputError("A search has no dry run: ask each technique for its own.")
            return search(self, source, dataset, settings)
        return compress(self, source, dataset, technique, settings)

    def export(self, model: Any, format: str, *, to: Path | str | None = None, rows: int = 256) -> Bundle:
        """Write a model so that it works without the lab, and check that its answers agree on real rows.

        Parameters
        ----------
        format
            One of `lepton_lab.export.FORMATS`.
        to
            The file or folder; None writes into the workspace's `exports`.
        rows
            How many rows to compare the answers on.
        """
        return export(self, self.model.show(model_name(self, model)[0]), format, to, rows)

    def _model_and_data(self, model: Any, data: str | None) -> tuple[Model, Dataset]:
        dataset = self._given_data(data, model)
        chosen = self.model.show(model_name(self, model, dataset)[0])
        return chosen, dataset or self.data_of(chosen, None)

    def _given_data(self, data: str | None, model: Any) -> Dataset | None:
        return None if data is None else self.data.get(data_name(self, data, model)[0])

    def data_of(self, model: Model, data: str | None) -> Dataset:
        """The data set of a name; None takes the one that the model was trained on."""
        if data is None and model.dataset is None:
            raise InputError(f"The model {model.name!r} has seen no data set yet: name one with --data.")
        return self.data.get(str(model.dataset) if data is None else data_name(self, data)[0])


def _readable(read: Callable[[str], Any], names: Iterable[str]) -> Iterator[Any]:
    """Those of the things that can be read: one whose record is damaged, or was just removed, hides no other."""
    for name in names:
        with suppress(LeptonError):
            yield read(name)
