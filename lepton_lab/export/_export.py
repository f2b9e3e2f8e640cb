"""From the lab's model to a file or folder for others: write aside, load again, compare, describe, rename."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from lepton_lab.errors import ConversionError, InputError, UnknownNameError
from lepton_lab.events import Progress, Report, ignore
from lepton_lab.export._agreement import agreement_with_parent, check_agreement, rows_to_try
from lepton_lab.export._base import TOLERANCE
from lepton_lab.export._formats import FORMATS
from lepton_lab.export._manifest import describe, quantisation
from lepton_lab.export._target import check_target, manifest_of, replacing_target
from lepton_lab.files import write_json
from lepton_lab.types import Bundle, Dataset, Model


def export(
    model: Model, format: str, to: Path, dataset: Dataset | None, rows: int = 256, report: Report = ignore
) -> Bundle:
    """Write `model` to `to` in a format that other programs read, with a manifest.

    What was written is loaded again, and compared with the lab's own on real rows, before it takes its name. If
    anything fails, nothing is left, and what stood at `to` before is still there.

    Parameters
    ----------
    format
        One of `FORMATS`.
    to
        The file, with the format's suffix, or the folder. What it lies in is made if it is missing. The manifest of a
        file is beside it, with `.json` appended; that of a folder is in it, and not among its bytes.
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
    MissingExtraError
        If a package that the format needs is not installed.
    """
    if format not in FORMATS:
        raise UnknownNameError("format", format, FORMATS)
    chosen = FORMATS[format]
    _check_source(model, format)
    tolerance = chosen.SOURCES[model.format] if quantisation(model, format) else TOLERANCE
    to = Path(to).expanduser().absolute()
    check_target(to, format, chosen.SUFFIX, tuple(one.SUFFIX for one in FORMATS.values() if one.SUFFIX))
    tried, source = rows_to_try(model, dataset, rows)

    def tell(message: str, fraction: float) -> None:
        report(Progress(f"export {model.name} {format}", message, fraction))

    try:
        with replacing_target(to, chosen.SUFFIX) as (aside, aside_manifest):
            tell(f"writing {to.name}", 0.0)
            chosen.write(model, aside)
            tell(f"comparing answers on {len(tried)} rows", 0.5)
            try:
                agreement = check_agreement(model, aside / chosen.MODEL, tried, tolerance)
            except InputError as error:
                if str(aside) not in str(error):
                    raise
                said = str(error).replace(str(aside), "it")
                raise ConversionError(
                    f"Model {model.name!r} can't be exported as {format!r}, since what was written can't be run: {said}"
                ) from None
            manifest = describe(model, format, aside, chosen, dataset)
            manifest["file"] = to.name
            manifest["agreement"] = {**asdict(agreement), "on": source, "tolerance": tolerance}
            manifest["agreement_with_parent"] = agreement_with_parent(model, aside / chosen.MODEL, tried)
            write_json(aside_manifest, manifest)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{to} can't be written: {reason}; choose another target or make room.") from error
    tell("done", 1.0)
    described = manifest_of(to, chosen.SUFFIX)
    return Bundle(model.name, format, to, described, manifest["bytes"], manifest["sha256"], agreement)


def _check_source(model: Model, format: str) -> None:
    """Refuse a model whose file can't become one of this format."""
    if model.format in FORMATS[format].SOURCES:
        return
    is_made = model.format == "tflite" and model.stage != "new"  # by a compression of the lab's
    what = f"quantised ({model.stage})" if is_made else f"in the format {model.format}"
    possible = " or ".join(repr(name) for name, one in FORMATS.items() if model.format in one.SOURCES)
    raise ConversionError(
        f"Model {model.name!r} is {what} and can't be exported as {format!r}: export it as {possible}"
        + (f", or export {model.parent!r} as {format!r}." if model.parent else ".")
    )
