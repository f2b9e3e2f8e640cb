"""The workspace: one folder with everything that a lab made, and where in it each thing lies."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lepton_lab.errors import InputError, LeptonError, UnknownNameError
from lepton_lab.files import checksum, is_leftover, num_bytes, read_json, scratch, write_json
from lepton_lab.lab._code import code_in
from lepton_lab.lab._versions import RECORD, earlier, find, next_number, number_of, replacing, split_name
from lepton_lab.runtime import CODE
from lepton_lab.train import read_run
from lepton_lab.types import Agreement, Bundle, Measure, Model, Run, Version

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")

INITIAL, START = "initial.keras", "start.keras"
"""In a run's folder while it goes on: the model before any training, and the weights that this run starts from."""

MEASURE = "measure.json"
"""In a model's folder: what was measured of its file, on each split once."""

_OTHER_FORMS = (ValueError, KeyError, TypeError, AttributeError)
"""What reading a record raises that is no JSON, or has another form than ours."""


class Workspace:
    """Folders by kind: `data`, `shards`, `models`, `runs`, `predictions`, `explanations`, `exports`, `cluster`.

    Nothing is made before it is needed.

    Parameters
    ----------
    folder
        Where; None takes the environment's `LEPTON_WORKSPACE`, else `./lepton_workspace`. A leading `~`, and variables
        of the environment such as `$HOME`, stand for what they do in a shell.

    Raises
    ------
    InputError
        If the folder's name has a variable that is not set, or a user who is not known.
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        if not isinstance(folder, (str, os.PathLike, type(None))):
            raise InputError(f"The workspace is {folder!r:.60}, expected the path of a folder.")
        self.folder = _expanded(str(folder or os.environ.get("LEPTON_WORKSPACE") or "lepton_workspace")).absolute()

    def path(self, kind: str, name: str | None = None) -> Path:
        """The folder of a kind, or of one named thing of it."""
        return self.folder / kind / name if name else self.folder / kind

    def names(self, kind: str, record: str) -> tuple[str, ...]:
        """Names of the things of a kind whose record (a file in their folder) is there, sorted."""
        folder = self.path(kind)
        if not folder.is_dir():
            return ()
        return tuple(sorted(p.name for p in folder.iterdir() if not is_leftover(p) and (p / record).is_file()))

    def has(self, kind: str, name: str, record: str) -> bool:
        """Whether `names` has this name; looks at that one only."""
        path = self.path(kind, name)
        return path.parent == self.path(kind) and not is_leftover(path) and (path / record).is_file()

    def drop(self, kind: str, name: str) -> None:
        """Remove one named thing."""
        if self.path(kind, name).exists():
            with scratch(self.path(kind)) as gone, suppress(OSError):
                self.path(kind, name).replace(gone)  # all at once: a kill in the middle leaves no half of it

    # models

    def model_names(self) -> tuple[str, ...]:
        """Names of the models, without their versions."""
        return tuple(sorted({split_name(name)[0] for name in self.names("models", RECORD)}))

    def has_model(self, name: str) -> bool:
        """Whether there is a model of that name, or such a version of one."""
        return find(self.path("models"), name) is not None

    def model(self, name: str) -> Model:
        """A model's record, or that of a version of it: `net@3`.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        folder = find(self.path("models"), name)
        if folder is None:
            base, is_version, _ = name.partition("@")
            if is_version and self.has_model(base):
                names = [f"{base}@{version.number}" for version in self.versions(base)]
                raise UnknownNameError("version", name, [*names, f"{base}@{self.model(base).version}"])
            raise UnknownNameError("model", name, self.model_names(), "Make one: %lepton model new NAME.")
        model = _read_model(folder)
        return dataclasses.replace(model, name=name, version=number_of(folder))

    def versions(self, base: str) -> tuple[Version, ...]:
        """What a model was before it was made anew, the oldest first; one whose record is damaged is left out."""
        current, found = find(self.path("models"), base), []
        for number, folder in earlier(self.path("models"), base).items():
            if folder != current:
                with suppress(LeptonError):
                    model = _read_model(folder)
                    made = (model.stage, model.metrics, model.made_by, num_bytes(folder))
                    found.append(Version(number, *made))
        return tuple(found)

    def model_of(self, base: str, sha256: str) -> Model | None:
        """The model, or else the version of it, whose file has a checksum; the latest one, None if there is none."""
        names = [base, *(f"{base}@{version.number}" for version in reversed(self.versions(base)))]
        models = (self.model(name) for name in names if self.has_model(name))
        return next((model for model in models if model.file.exists() and checksum(model.file) == sha256), None)

    def measures(self, name: str) -> tuple[Measure, ...]:
        """What was measured of a model's file, the latest last; nothing where that can't be read."""
        try:
            return tuple(Measure(**each) for each in read_json(self._model_folder(name) / MEASURE))
        except (OSError, ValueError, TypeError):
            return ()

    def keep_measure(self, name: str, measure: Measure) -> None:
        """Remember what was measured of a model, in the place of what was on the same rows; it goes with the model when
        that is made anew."""
        rows = (measure.dataset, measure.split)
        others = [each for each in self.measures(name) if (each.dataset, each.split) != rows]
        write_json(self._model_folder(name) / MEASURE, [dataclasses.asdict(each) for each in (*others, measure)])

    def _model_folder(self, name: str) -> Path:
        return find(self.path("models"), name) or self.path("models", name)

    @contextmanager
    def replacing_model(self, name: str) -> Iterator[ModelWriter]:
        """Give a folder to fill as `save.folder`; calling `save(model)` then writes the record. Whole or not at all.

        What the model was before becomes a version of it, if it had learnt anything.
        """
        check_name("model", name)
        with replacing(self.path("models"), name) as aside:
            yield ModelWriter(aside, self.path("models", name))

    # runs

    def run_names(self) -> tuple[str, ...]:
        """Ids of the runs, oldest first."""
        return self.names("runs", "run.json")

    def run(self, name: str) -> Run:
        """A run's record as it was last written."""
        return read_run(self.path("runs", name))

    def claim_run(self, title: str) -> str:
        """An id that nobody else has, with its folder made: the title and a number."""
        folder = self.path("runs")
        folder.mkdir(parents=True, exist_ok=True)
        pattern = re.compile(re.escape(title) + r"-(\d+)")
        number = max((int(m[1]) for p in folder.iterdir() if (m := pattern.fullmatch(p.name))), default=0)
        while True:
            number += 1
            try:
                (folder / f"{title}-{number}").mkdir()
            except FileExistsError:
                continue  # another kernel took it just now
            return f"{title}-{number}"

    # exports

    def bundles(self) -> tuple[Bundle, ...]:
        """The exports whose files are still there, oldest first.

        Raises
        ------
        LeptonError
            If their list is damaged.
        """
        file = self.folder / "exports.json"
        try:
            bundles = [_bundle(record) for record in read_json(file)] if file.is_file() else []
        except _OTHER_FORMS as error:
            raise LeptonError(f"{file} is damaged ({error}): remove it; the exported files stay.") from None
        return tuple(bundle for bundle in bundles if bundle.path.exists())

    def add_bundle(self, bundle: Bundle) -> None:
        """Remember an export, in place of an earlier one to the same path."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "exports.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # other kernels add to the same list
            self._add_bundle(bundle)

    def _add_bundle(self, bundle: Bundle) -> None:
        others = [other for other in self.bundles() if other.path != bundle.path]
        write_json(
            self.folder / "exports.json",
            [dataclasses.asdict(b) | {"path": str(b.path), "manifest": str(b.manifest)} for b in [*others, bundle]],
        )


class ModelWriter:
    """Writes a model's record into its folder-to-be."""

    def __init__(self, folder: Path, final: Path) -> None:
        self.folder, self._final = folder, final

    def __call__(self, model: Model) -> Model:
        """Write the record; returns the model as it will stand."""
        number = next_number(self._final.parent, self._final.name, self.folder)
        model = dataclasses.replace(model, version=number, versions=())
        write_json(self.folder / RECORD, record_of(model))
        return dataclasses.replace(model, folder=self._final, code=self._final / CODE if code_in(self.folder) else None)


def _expanded(given: str) -> Path:
    """A folder's name as a shell reads it: `%env`, a `.env` file and Docker's `-e` hand on what stands there."""
    written = os.path.expandvars(given)
    if not written.strip() or "\0" in written or (written[0] in "'\"" and written[0] == written[-1]):
        raise InputError(
            f"The workspace is {given!r}, expected a folder's path, without quotation marks around it or zero bytes."
        )
    missing = re.search(r"\$(\w+|\{[^}]*\})", written)
    if missing is not None and not Path(given).exists():
        raise InputError(
            f"The workspace is {given!r}, but the variable {missing[1].strip('{}')} is not set: set it, or write the "
            "folder out."
        )
    try:
        return Path(written).expanduser()
    except RuntimeError:
        raise InputError(
            f"The workspace is {given!r}, but there is no such user's home: write the folder out."
        ) from None


def check_name(kind: str, name: str) -> str:
    """Refuse a name that could not be a file's.

    Raises
    ------
    InputError
        If it isn't letters, digits, `.`, `_` and `-`, at most 64 in all.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} can't be the name of a {kind}: use letters, digits, '.', '_' and '-', at most 64, of which the "
            "first is a letter or a digit."
        )
    return name


def model_from_record(record: dict[str, Any], folder: Path) -> Model:
    """A model from the values that `record_of` gave."""
    for key in ("input_shape", "output_shape", "classes", "columns", "earlier"):
        record[key] = tuple(record.get(key, ()))
    record["target_classes"] = {name: tuple(names) for name, names in record.get("target_classes", {}).items()}
    return Model(folder=folder, code=code_in(folder), **record)


def record_of(value: Any) -> dict[str, Any]:
    """A value's fields without the paths: its folder is where the record lies, and what else it has lies there too."""
    record = dataclasses.asdict(value)
    return {name: field for name, field in record.items() if name not in ("folder", "code", "outside", "versions")}


def _bundle(record: dict[str, Any]) -> Bundle:
    paths = {"path": Path(record["path"]), "manifest": Path(record["manifest"])}
    return Bundle(**{**record, **paths, "agreement": Agreement(**record["agreement"])})


def _read_model(folder: Path) -> Model:
    file = folder / RECORD
    try:
        return model_from_record(read_json(file), folder)
    except _OTHER_FORMS as error:
        raise LeptonError(f"{file} is damaged ({error}): remove its folder, or restore it from a backup.") from None
