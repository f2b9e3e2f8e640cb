"""From the lab's model to a file for others: write aside, load again, compare, rename, describe."""

from __future__ import annotations

import importlib
import tempfile
from dataclasses import asdict
from pathlib import Path

from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.events import Progress, Report, ignore
from lepton_lab.export._agreement import agreement_with_parent, check_agreement, rows_to_try
from lepton_lab.export._base import TOLERANCE, Format
from lepton_lab.export._manifest import describe
from lepton_lab.files import replacing_file, write_json
from lepton_lab.types import Bundle, Dataset, Model

FORMATS = ("keras", "tflite")


def export(
    model: Model, format: str, to: Path, dataset: Dataset | None, rows: int = 256, report: Report = ignore
) -> Bundle:
    """Write `model` to `to` in a format that other programs read, and a manifest beside it.

    The written file is loaded again, and compared with the lab's own on real rows, before it takes its name. If
    anything fails, nothing is left, and what stood at `to` before is still there.

    Parameters
    ----------
    model
        In either format.
    format
        `keras`, or `tflite` (float32 for a Keras model; a quantised model as it is).
    to
        The file, with the format's suffix. Its folder is made if it is missing. The manifest gets `.json` appended.
    dataset
        Where the rows for the comparison come from: its test split, or else its training split.
    rows
        How many of them.
    report
        Told how far the work is.

    Raises
    ------
    UnknownNameError
        If there is no such format.
    InputError
        If `to` can't be written, before any work is done; or the model's file can't be loaded.
    ConversionError
        If the model can't be written in this format, or the file doesn't answer as the model does.
    """
    if format not in FORMATS:
        raise UnknownNameError("format", format, FORMATS)
    chosen: Format = importlib.import_module(f"lepton_lab.export._{format}")
    chosen.check(model)
    to = Path(to).expanduser().absolute()
    described = to.with_name(to.name + ".json")
    _check_target(to, format, chosen.SUFFIX)
    tried, source = rows_to_try(model, dataset, rows)

    def tell(message: str, fraction: float) -> None:
        report(Progress(f"export {model.name} {format}", message, fraction))

    try:
        # The manifest is the outer one, so that the file has its name before the manifest speaks of it.
        with replacing_file(described) as aside_manifest, replacing_file(to) as aside:
            tell(f"writing {to.name}", 0.0)
            chosen.write(model, aside)
            tell(f"comparing answers on {len(tried)} rows", 0.5)
            agreement = check_agreement(model, aside, tried)
            manifest = describe(model, format, aside, chosen, dataset)
            manifest["agreement"] = {**asdict(agreement), "on": source, "tolerance": TOLERANCE}
            manifest["agreement_with_parent"] = agreement_with_parent(model, aside, tried)
            write_json(aside_manifest, manifest)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{to} can't be written: {reason}; choose another target or make room.") from error
    tell("done", 1.0)
    return Bundle(model.name, format, to, described, manifest["bytes"], manifest["sha256"], agreement)


def _check_target(to: Path, format: str, suffix: str) -> None:
    """Find out now whether `to` can be written, rather than after the work."""
    for path in (to, to.with_name(to.name + ".json")):
        if path.is_dir():
            raise InputError(f"The target {path} is a folder; name a file, such as {to / ('model' + suffix)}.")
    if to.suffix != suffix:
        better = to.with_suffix(suffix).name
        raise InputError(f"A {format} file's name ends with {suffix}: name it {better!r}, not {to.name!r}.")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=to.parent) as probe:
            probe.write(b"x")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"The target {to} can't be written: {reason}; choose another folder.") from error
