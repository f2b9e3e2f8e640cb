import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError

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


def _folder(tmp_path, **files):
    for name, content in files.items():
        path = tmp_path / "parts" / name.replace("__", "/").replace("_eq_", "=")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.to_parquet(path.with_suffix(".parquet"))
    return tmp_path / "parts"


SMALL = FRAME[["age", "town"]].assign(label=[0, 1] * 20)


def test_splits_of_a_folder(tmp_path):
    folder = _folder(tmp_path, train=SMALL, **{"test-00000-of-00001": SMALL[:6].assign(age=-1)})
    dataset = data.load(folder, "a", tmp_path / "a")
    assert dataset.splits == {"train": 40, "test": 6}
    assert (data.open_split(dataset, "train")[0][:, 0] >= 0).all()
    folder = _folder(tmp_path, validation=SMALL[:3])
    dataset = data.load(folder, "a", tmp_path / "a")
    assert dataset.splits == {"train": 40, "test": 6, "validation": 3}
    assert data.read(tmp_path / "a") == dataset


@pytest.mark.parametrize(
    ("training", "testing"),
    [
        ("iris_train", "iris_test"),
        ("train", "testing"),
        ("trainset", "holdout"),
        ("split_eq_train__0", "split_eq_test__deep__0"),
        ("training__0", "eval__more__0"),
    ],
)
def test_splits_by_the_first_or_the_last_word_of_a_name(tmp_path, training, testing):
    folder = _folder(tmp_path, **{training: SMALL, testing: SMALL[:6].assign(age=-1)})
    dataset = data.load(folder, "a", tmp_path / "a")
    assert dataset.splits == {"train": 40, "test": 6} and dataset.columns[0] == "age"
    assert (data.open_split(dataset, "train")[0][:, 0] >= 0).all() and len(dataset.columns) == 3


def test_files_in_folders_are_parts_too(tmp_path):
    folder = _folder(tmp_path, **{"0": SMALL, "more__deep__1": SMALL})
    (folder / "more" / "back").symlink_to(folder)
    assert data.load(folder, "a", tmp_path / "a", test_share=0).splits == {"train": 80}


def test_other_files_of_a_folder_are_named(tmp_path):
    folder = tmp_path / "years"
    folder.mkdir()
    frame = FRAME.assign(label=1.5)
    frame.to_parquet(folder / "2020.parquet")
    frame.to_parquet(folder / "2022.parquet.gzip", compression="gzip")
    dataset = data.load(folder, "d", tmp_path / "d", test_share=0)
    assert dataset.splits == {"train": 80} and not dataset.notes
    frame.to_csv(folder / "2021.csv")
    (folder / "_SUCCESS").touch()
    assert "no Parquet files, and left out: 2021.csv" in data.load(folder, "d", tmp_path / "d").notes
    assert data.load(folder / "2022.parquet.gzip", "d", tmp_path / "d", test_share=0).splits == {"train": 40}


@pytest.mark.parametrize("drop", ["d", "age", "d,age", "income"])
def test_what_is_dropped_is_all_that_goes(tmp_path, drop):
    frame = pd.DataFrame({"d": range(20), "age": 2.0, "income": 3.0, "z": 4.0, "label": ["x", "y"] * 10})
    frame.to_parquet(tmp_path / "one.parquet")
    for source in (tmp_path / "one.parquet", frame):
        dataset = data.load(source, "d", tmp_path / "d", drop=drop)
        assert dataset.columns == tuple(name for name in ("d", "age", "income", "z") if name not in drop.split(","))
    with pytest.raises(InputError, match="no column 'y'"):
        data.load(tmp_path / "one.parquet", "d", tmp_path / "d", drop="d,y")
    named = frame.rename(columns={"z": "d,age"})
    named.to_parquet(tmp_path / "comma.parquet")
    assert data.load(tmp_path / "comma.parquet", "d", tmp_path / "d", drop="d,age").columns == ("d", "age", "income")


def test_a_column_that_is_dropped_needs_not_be_in_all_files(tmp_path):
    folder = _folder(tmp_path, **{"0": SMALL.assign(e=None), "1": SMALL.assign(f="x"), "2": SMALL.assign(e=1)})
    dataset = data.load(folder, "a", tmp_path / "a", drop=["e", "f"])
    assert dataset.columns == ("age", "town=Bonn", "town=Ulm")
    with pytest.raises(InputError, match="has no column 'g'"):
        data.load(folder, "a", tmp_path / "a", drop="e,f,g")


def test_views_of_strings(tmp_path):
    views = pa.array(SMALL["town"].tolist(), pa.string_view())
    frame = SMALL.assign(town=pd.Series(pd.arrays.ArrowExtensionArray(views)))
    assert data.load(frame, "a", tmp_path / "a").columns == ("age", "town=Bonn", "town=Ulm")


def test_keys_that_are_names_of_classes(tmp_path):
    frame = SMALL.drop(columns="label")
    dataset = data.load(_folder(tmp_path, label_eq_1e5__0=frame, label_eq_100000__0=frame), "a", tmp_path / "a")
    assert dataset.target.classes == ("100000", "1e5")


def test_folders_of_keys(tmp_path):
    folder = _folder(
        tmp_path, month_eq_01__0=SMALL, month_eq_02__0=SMALL[["label", "town", "age"]], _SUCCESS=b"", **{".x.crc": b"x"}
    )
    dataset = data.load(folder, "a", tmp_path / "a", test_share=0)
    assert dataset.columns == ("age", "town=Bonn", "town=Ulm", "month=01", "month=02")
    assert data.open_split(dataset, "train")[0][:, 3].sum() == 40


def test_an_index_is_said(tmp_path):
    SMALL.set_index("town").to_parquet(tmp_path / "a.parquet")
    dataset = data.load(tmp_path / "a.parquet", "a", tmp_path / "a")
    assert dataset.columns == ("age",)
    assert dataset.notes[0].startswith("the frame's index (town) is left out")
    with pytest.raises(InputError, match=r"'town' is the index of .*frame.reset_index\(\) makes it one"):
        data.load(tmp_path / "a.parquet", "a", tmp_path / "a", label="town")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"0": SMALL, "1": SMALL.assign(extra=1)}, "column 'extra' is in 1.parquet but not in 0.parquet"),
        ({"0": SMALL.assign(extra=1), "1": SMALL}, "column 'extra' is in 0.parquet but not in 1.parquet"),
        (
            {"0": SMALL, "1": SMALL.assign(age="old")},
            "column 'age' is int64 in 0.parquet but large_string",
        ),
        ({"0": SMALL, "1": SMALL.assign(age=0.5)}, "column 'age' is int64 in 0.parquet but double"),
        ({"0": SMALL, "1": SMALL.assign(age=SMALL["age"].astype("uint64") + 2**63)}, "types don't fit"),
        ({"test": SMALL}, "split test, but none named train"),
        ({"train": SMALL, "test": SMALL, "more": SMALL}, "more.parquet, which is of none"),
        ({"age_eq_1__0": SMALL}, "column 'age', and its folder is named age=1"),
    ],
)
def test_folders_refused(tmp_path, files, words):
    with pytest.raises(InputError, match=words):
        data.load(_folder(tmp_path, **files), "a", tmp_path / "a")
