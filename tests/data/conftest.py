"""Real data in small: what the tests of this folder load and shard."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.types import Dataset


def _idx_bytes(array: np.ndarray) -> bytes:
    """The array as an IDX file of unsigned bytes."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def write_idx(folder: Path, rows: int = 200, test_rows: int = 50) -> Path:
    """A folder of MNIST's four files with random pictures: training plain, test gzipped."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for prefix, count in (("train", rows), ("t10k", test_rows)):
        x = random.integers(0, 256, (count, 28, 28))
        y = np.arange(count) % 10
        for name, array in ((f"{prefix}-images-idx3-ubyte", x), (f"{prefix}-labels-idx1-ubyte", y)):
            if prefix == "train":
                (folder / name).write_bytes(_idx_bytes(array))
            else:
                (folder / f"{name}.gz").write_bytes(gzip.compress(_idx_bytes(array)))
    return folder


@pytest.fixture(scope="session")
def mnist_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MNIST where LEPTON_TEST_DATA says it is (that folder, or `mnist` in it); else a small folder of the same kind."""
    given = os.environ.get("LEPTON_TEST_DATA")
    for folder in (Path(given), Path(given) / "mnist") if given else ():
        if list(folder.glob("train-images*")):
            return folder
    return write_idx(tmp_path_factory.mktemp("data") / "mnist")


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """scikit-learn's digits, loaded once; read-only."""
    return data.load("digits", "digits", tmp_path_factory.mktemp("data") / "digits")


@pytest.fixture
def load_arrays(tmp_path: Path) -> Callable[..., Dataset]:
    """A function that loads (x, y) without a hold-out."""

    def load(x: object, y: object, **options: object) -> Dataset:
        return data.load((x, y), "arrays", tmp_path / "arrays", **{"test_share": 0.0, **options})

    return load


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, bytes]]:
    """A function that tells every file below a folder with its bytes."""

    def look(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    return look


@pytest.fixture
def idx_folder(tmp_path: Path) -> Path:
    """A small IDX folder of its own, to be damaged."""
    return write_idx(tmp_path / "mnist")
