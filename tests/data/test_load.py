import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError, LeptonError, UnknownNameError
from lepton_lab.events import Progress

X, Y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2


@pytest.mark.parametrize(
    ("source", "options", "error", "words"),
    [
        ("digts", {}, UnknownNameError, r"no source 'digts'\. Did you mean 'digits'\?"),
        ("{tmp}/good.cvs", {}, UnknownNameError, r"Did you mean '.*good\.csv'\?"),
        ("{tmp}/good.csv", {"format": "cvs"}, UnknownNameError, "Did you mean 'csv'"),
        ("{tmp}/good.csv", {"format": "npz"}, DataError, "no .npz archive"),
        ("{tmp}/good.csv", {"format": "parquet", "label": "y"}, DataError, "no Parquet file"),
        ("{tmp}/good.csv", {"format": "idx"}, InputError, "no folder"),
        ("{tmp}/good.csv", {"format": "frame"}, InputError, "in memory"),
        ("{tmp}/good.csv", {"format": "digits"}, InputError, "give the source as digits"),
        ("{tmp}/empty.csv", {}, InputError, "is empty"),
        ("{tmp}/empty.npz", {}, InputError, "is empty"),
        ("{tmp}/empty.parquet", {}, InputError, "is empty"),
        ("{tmp}/note.txt", {}, InputError, r"no suffix .*\.csv.*give the format, one of idx, npz, csv, parquet"),
        ("{tmp}/folder", {}, InputError, "folder without train-images"),
        ("{tmp}/folder.csv", {}, InputError, "folder without"),
        ("a\0b", {}, UnknownNameError, "no source"),
        ("a" * 5000, {}, InputError, "no path"),
        ("digits", {"label": "digit"}, InputError, "leave the label out"),
        (3, {}, InputError, "got int, expected 'digits', a path"),
        (None, {}, InputError, "got NoneType"),
        ((X, Y), {"format": "csv"}, InputError, "leave the format out"),
        ((X, Y[:-1]), {}, DataError, "x of train has 20 rows and y has 19"),
        ((X[:0], Y[:0]), {}, DataError, "no rows"),
        (((X, Y), (X[:0], Y[:0])), {}, DataError, "test of .* has no rows"),
    ],
)
def test_refused_without_a_trace(tmp_path, snapshot, source, options, error, words):
    (tmp_path / "good.csv").write_text("a,y\n1,0\n2,1\n3,0\n")
    for name in ("empty.csv", "empty.npz", "empty.parquet"):
        (tmp_path / name).touch()
    (tmp_path / "note.txt").write_text("a,b\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.csv").mkdir()
    data.load((X, Y), "kept", tmp_path / "sets" / "kept")
    before = snapshot(tmp_path)
    if isinstance(source, str):
        source = source.replace("{tmp}", str(tmp_path))
    for folder in ("kept", "new"):
        with pytest.raises(error, match=words) as caught:
            data.load(source, folder, tmp_path / "sets" / folder, **options)
        assert "\n" not in str(caught.value)
    assert snapshot(tmp_path) == before
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["kept"]


def test_format_where_the_suffix_does_not_tell(tmp_path):
    (tmp_path / "table.txt").write_text("a,y\n1,0\n2,1\n3,0\n")
    dataset = data.load(tmp_path / "table.txt", "t", tmp_path / "t", format="csv", label="y")
    assert sum(dataset.splits.values()) == 3


def test_loading_again_replaces(tmp_path):
    data.load((X, Y), "a", tmp_path / "a")
    data.load((X[:10], Y[:10]), "a", tmp_path / "a", test_share=0)
    assert data.read(tmp_path / "a").splits == {"train": 10}
    assert not (tmp_path / "a" / "test").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_rows_mapped_before_stay_readable(tmp_path):
    dataset = data.load((X, Y), "a", tmp_path / "a", test_share=0)
    x, _ = data.open_split(dataset, "train")
    data.load((X + 1, Y), "a", tmp_path / "a", test_share=0)
    assert (x == X).all()


def test_interrupted_while_writing(tmp_path, snapshot):
    data.load((X, Y), "a", tmp_path / "a")
    before = snapshot(tmp_path)

    def interrupt(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        data.load((X + 1, Y), "a", tmp_path / "a", report=interrupt)
    assert snapshot(tmp_path) == before


def test_progress(tmp_path):
    events = []
    data.load((X, Y), "a", tmp_path / "a", report=events.append)
    assert all(isinstance(event, Progress) and event.task == "data load a" for event in events)
    assert events[-1].fraction == 1.0


def test_the_base_error_catches_all(tmp_path):
    with pytest.raises(LeptonError):
        data.load(tmp_path / "nothing", "a", tmp_path / "a")
