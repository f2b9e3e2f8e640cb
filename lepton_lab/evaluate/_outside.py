"""A model's file that is none of the lab's, such as an exported one: what goes into it and comes out."""

from __future__ import annotations

from dataclasses import replace

from lepton_lab.errors import InputError, LeptonError
from lepton_lab.runtime import arranged, check_fits, is_same_row, one_line, open_model, open_rows, predict
from lepton_lab.types import Dataset, Model


def look_into(model: Model, dataset: Dataset, split: str) -> Model:
    """The model with its shapes, found by having it answer the first row.

    Parameters
    ----------
    model
        Whose shapes are not known yet.
    dataset, split
        The rows that it is to answer.

    Raises
    ------
    InputError
        If its file can't be loaded, takes other rows, or doesn't give the answers that the target needs.
    """
    try:
        ports = open_model(model.file, model.code).inputs
        if len(ports) == 1 and is_same_row(dataset.input_shape, ports[0].shape[1:]):
            model = replace(model, input_shape=ports[0].shape[1:])
        rows, _ = open_rows(arranged(model, dataset), split)
        answers = predict(model.file, rows[:1], 1, model.code)
    except LeptonError:
        raise
    except Exception as error:  # whatever runs the file has errors of its own
        shape = f" of shape {tuple(dataset.input_shape)}" if dataset.input_shape else ""
        raise InputError(
            f"{model.name} can't be run on the rows of {dataset.name!r}{shape}: {one_line(error)}; name the data set "
            "that it was made for."
        ) from None
    found = replace(
        model, input_shape=rows.shape[1:] if not dataset.inputs else dataset.input_shape, output_shape=answers.shape[1:]
    )
    check_fits(found, arranged(found, dataset))
    return found
