"""What the layers of a model are like: zeros, clusters, bits, bytes, and how far their answers are from float ones."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lepton_lab.compress._drift import Drift, Drifts, drifts
from lepton_lab.compress._explorer import write_node_data
from lepton_lab.compress._measure import as_tflite
from lepton_lab.compress._quantize import SCHEMES
from lepton_lab.compress._weights import Part, parts_of_file, parts_of_keras
from lepton_lab.errors import InputError
from lepton_lab.events import Progress, Report, ignore
from lepton_lab.runtime import Graph, Interpreter, fitted, load_keras, open_rows, to_tflite
from lepton_lab.types import Dataset, LayerFigures, LayerReport, Model

_SPLIT = "train"
"""Whose rows show the errors: what is decided by them must not have seen the rows that are reported on."""
_NUM_ROWS = 256


def inspect_layers(
    model: Model,
    against: Model | None = None,
    dataset: Dataset | None = None,
    to: Path | None = None,
    seed: int = 0,
    report: Report = ignore,
) -> LayerReport:
    """Look at each layer of a Keras model, or each operation with weights of a `.tflite` file.

    Parameters
    ----------
    against
        The float model that answers are compared with, in either format; None for no comparison.
    dataset
        Where there is a comparison: 256 rows of its training split, chosen at random by `seed`, are answered.
    to
        Where there is a comparison: the JSON file for each node's error, as Model Explorer reads it.
    report
        Told how far the work is.

    Raises
    ------
    InputError
        If a model can't be read or has no layers that can be looked at, or models and data don't fit.
    ConversionError
        If a Keras model can't be converted.
    """
    for one in filter(None, (model, against)):
        _check(one, dataset)
    dataset = fitted(model, dataset) if dataset is not None else None
    rows = _rows(dataset, seed) if against is not None and dataset is not None else None

    def tell(message: str, fraction: float) -> None:
        report(Progress(f"layers of {model.name}", message, fraction))

    tell("reading weights", 0.0)
    content, parts = _read(model)
    found = Drifts({}, None)
    if against is not None and rows is not None:
        tell(f"converting {against.name}", 0.3)
        float_file = as_tflite(against)
        tell("comparing answers", 0.5)
        found = drifts(float_file, content, rows)
        if to is not None:
            write_node_data(to, found.nodes)
    tell("done", 1.0)
    return LayerReport(
        model.name,
        against.name if against else "",
        f"{dataset.name}/{_SPLIT}" if against and dataset else "",
        0 if rows is None else len(rows),
        tuple(_compared(part, found.nodes, against) for part in parts),
        len(content),
        len(gzip.compress(content, 9, mtime=0)),
        found.answers.sqnr if found.answers else None,
        found.answers.greatest if found.answers else None,
        to,
        (*(dataset.arrangement.notes if dataset else ()), *_notes(model, against)),
    )


def _notes(model: Model, against: Model | None) -> Iterator[str]:
    if model.format == "keras":
        yield "the whole file's sizes, and its nodes, are those of the float32 .tflite file that it becomes"
    if against is not None and against.name != model.name and model.stage not in SCHEMES:
        yield "what a training changed counts as an error too"


def _check(model: Model, dataset: Dataset | None) -> None:
    if model.format not in ("keras", "tflite"):
        raise InputError(
            f"Model {model.name!r} is a {model.format} model: layers are told of Keras models and .tflite files; "
            "bring the Keras model in that it was made from."
        )
    if dataset is not None:
        fitted(model, dataset)


def _rows(dataset: Dataset, seed: int) -> NDArray[Any]:
    x, _ = open_rows(dataset, _SPLIT)
    picked = np.sort(np.random.default_rng(seed).permutation(len(x))[:_NUM_ROWS])
    return np.asarray(x[picked])


def _read(model: Model) -> tuple[bytes, list[Part]]:
    """A model as a `.tflite` file, and its layers."""
    if model.format == "tflite":
        operations = Interpreter(model.file).operations  # which says so if it is missing or can't be run
        return model.file.read_bytes(), parts_of_file(operations)
    keras_model = load_keras(model.file, model.code)
    content = to_tflite(keras_model)
    return content, parts_of_keras(keras_model, Graph(content).operations)


def _compared(part: Part, nodes: Mapping[str, Drift], against: Model | None) -> LayerFigures:
    """A layer's figures with its error."""
    if against is None:
        return replace(part.figures, note="")
    own = [nodes[node] for node in part.nodes if node in nodes]
    if not own:
        return replace(part.figures, note=part.figures.note or f"no counterpart in {against.name}")
    drift = sum(own, Drift())
    return replace(part.figures, sqnr=drift.sqnr, max_error=drift.greatest)
