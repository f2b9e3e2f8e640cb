"""Weights that would bring bytes of other files into a model are refused before Keras reads any."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from lepton_lab.errors import InputError
from lepton_lab.runtime import load_keras
from lepton_lab.runtime._hdf5 import WEIGHTS, check_weights
from lepton_lab.types import Model


def place(file: h5py.File) -> tuple[h5py.Group, str]:
    """A group deep in the file, and the name of the data set of weights in it."""
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) and item.ndim > 1 else None)
    group, _, name = found[0].rpartition("/")
    return file[group], name


def external(group: h5py.Group, name: str, victim: Path) -> None:
    shape = group[name].shape
    del group[name]
    group.create_dataset(name, shape, "uint8", external=[(str(victim), 0, h5py.h5f.UNLIMITED)])


def linked(group: h5py.Group, name: str, victim: Path) -> None:
    del group[name]
    group[name] = h5py.ExternalLink(str(victim), "/secret")


def linked_group(group: h5py.Group, name: str, victim: Path) -> None:
    group["more"] = h5py.ExternalLink(str(victim), "/")


def soft(group: h5py.Group, name: str, victim: Path) -> None:
    group.move(name, "kept")
    group[name] = h5py.SoftLink("kept")


def dangling(group: h5py.Group, name: str, victim: Path) -> None:
    group["more"] = h5py.SoftLink("/nowhere")


def virtual(group: h5py.Group, name: str, victim: Path) -> None:
    shape = group[name].shape
    del group[name]
    layout = h5py.VirtualLayout(shape, "float32")
    layout[...] = h5py.VirtualSource(str(victim), "secret", shape=shape)
    group.create_virtual_dataset(name, layout)


def plugin(group: h5py.Group, name: str, victim: Path) -> None:
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((4,))
    settings.set_filter(h5py.h5z.FILTER_LZF, h5py.h5z.FLAG_OPTIONAL)  # h5py's own, not HDF5's
    h5py.h5d.create(group.id, b"more", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((4,)), settings)


def huge(group: h5py.Group, name: str, victim: Path) -> None:
    group.create_dataset("more", (2**30,), "float32", chunks=(2**20,), compression="gzip")


def rewritten(source: Path, target: Path, change: Callable[[h5py.File], Any]) -> Path:
    """A copy of a `.keras` file with other weights."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.namelist():
            content = io.BytesIO(old.read(member))
            if member == WEIGHTS:
                with h5py.File(content, "r+") as file:
                    change(file)
            new.writestr(member, content.getvalue())
    return target


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    file = tmp_path / "victim.h5"
    with h5py.File(file, "w") as secret:
        secret["secret"] = np.arange(10_000, dtype="float32")
    return file


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (external, "lie in another file, '.*victim.h5'"),
        (linked, "have a link at '/.*'"),
        (linked_group, "have a link at '/.*more'"),
        (soft, "have a link"),
        (dangling, "have a link at '/.*more'"),
        (virtual, "are a virtual data set"),
        (plugin, "a filter that isn't HDF5's own"),
        (huge, "grow to more than 100 times their size"),
    ],
)
@pytest.mark.parametrize("where", ["beside the weights", "at the top"])
def test_weights_from_elsewhere_are_refused(
    cnn: Model, tmp_path: Path, victim: Path, spoil: Callable[..., None], said: str, where: str
) -> None:
    def change(file: h5py.File) -> None:
        group, name = place(file)
        if where == "at the top":
            group, name = file, "top"
            group[name] = np.zeros((3, 3), "float32")
        spoil(group, name, victim)

    file = rewritten(cnn.file, tmp_path / "spoilt.keras", change)
    with pytest.raises(InputError, match=f"can't be loaded as a Keras model: its weights .*{said}") as caught:
        load_keras(file)
    assert "\n" not in str(caught.value)


def test_weights_as_keras_writes_them_are_taken(cnn: Model, tmp_path: Path) -> None:
    def round(file: h5py.File) -> None:
        file["again"] = file["/"]  # a group that holds itself ends, too
        file.create_dataset("empty", data=h5py.Empty("f"))
        file.create_dataset("packed", data=np.arange(5000.0), compression="gzip", shuffle=True)

    check_weights(cnn.file)
    check_weights(rewritten(cnn.file, tmp_path / "round.keras", round))
