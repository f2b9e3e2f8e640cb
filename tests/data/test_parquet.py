import numpy as np
import pandas as pd
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError

FRAME = pd.DataFrame(
    {
        "age": np.arange(40),
        "member": [True, False] * 20,
        "town": pd.Categorical(["Ulm", "Bonn"] * 20),
        "price": np.linspace(0.5, 99.5, 40),
    }
)


def test_numbers_as_target(tmp_path):
    FRAME.to_parquet(tmp_path / "a.parquet")
    dataset = data.load(tmp_path / "a.parquet", "a", tmp_path / "a", label="price", test_share=0.25)
    assert dataset.target.kind == "numbers"
    assert dataset.target.num_outputs == 1
    assert dataset.splits == {"train": 30, "test": 10}
    assert dataset.columns == ("age", "member", "town=Bonn", "town=Ulm")
    assert data.open_split(dataset, "train")[1].dtype == np.float32


def test_a_folder(tmp_path):
    (tmp_path / "parts").mkdir()
    FRAME[:20].to_parquet(tmp_path / "parts" / "1.parquet")
    FRAME[20:].to_parquet(tmp_path / "parts" / "2.parquet")
    dataset = data.load(tmp_path / "parts", "a", tmp_path / "a", label="price", test_share=0)
    assert dataset.splits == {"train": 40}


@pytest.mark.parametrize("length", [4, 300, -8])
def test_damaged(tmp_path, length):
    FRAME.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:length])
    with pytest.raises(DataError, match="damaged or no Parquet"):
        data.load(tmp_path / "a.parquet", "a", tmp_path / "a", label="price")
