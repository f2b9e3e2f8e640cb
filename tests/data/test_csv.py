import gzip

import numpy as np
import pytest

from lepton_lab import data
from lepton_lab.errors import DataError, InputError

TEXT = "height,colour,sold,species\n" + "".join(
    f"{row / 2},{('red', 'green')[row % 2]},{row % 3 == 0},{('cat', 'dog', 'eel')[row % 3]}\n" for row in range(30)
)


@pytest.fixture
def table(tmp_path):
    def write(content):
        path = tmp_path / "pets.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_table(table, tmp_path):
    dataset = data.load(table(TEXT), "pets", tmp_path / "pets", label="species")
    assert dataset.splits == {"train": 24, "test": 6}
    assert dataset.columns == ("height", "colour=green", "colour=red", "sold")
    assert (dataset.input_shape, dataset.input_dtype) == ((4,), "float32")
    assert dataset.target.classes == ("cat", "dog", "eel")
    assert dataset.target.name == "species"
    x, y = data.open_split(dataset, "train")
    row = x[0].tolist()
    assert y[0] == round(row[0] * 2) % 3
    assert row[1:3] == [row[0] * 2 % 2, 1 - row[0] * 2 % 2]


def test_scaling_is_of_train_rows(table, tmp_path):
    dataset = data.load(table(TEXT), "pets", tmp_path / "pets", label="species")
    x, _ = data.open_split(dataset, "train")
    np.testing.assert_allclose(dataset.scaling.mean, x.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(dataset.scaling.deviation, x.std(axis=0), rtol=1e-5)


def test_gzip_and_byte_order_mark(tmp_path):
    path = tmp_path / "pets.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfa,label\n1,x\n2,y\n3,x\n"))
    dataset = data.load(path, "pets", tmp_path / "pets")
    assert dataset.columns == ("a",)


def test_the_row_numbers_of_to_csv_are_no_feature(table, tmp_path):
    dataset = data.load(table(",a,label\n0,5,x\n1,6,y\n2,5,x\n"), "t", tmp_path / "t", test_share=0)
    assert dataset.columns == ("a",)


@pytest.mark.parametrize("numbers", [(1, 2, 3), (2, 0, 1)])
def test_nor_are_those_of_r_and_of_shuffled_frames(table, tmp_path, numbers):
    rows = "".join(f"{n},{4 + n},{'xyx'[place]}\n" for place, n in enumerate(numbers))
    assert data.load(table('"",a,label\n' + rows), "t", tmp_path / "t", test_share=0).columns == ("a",)


def test_another_column_without_name_is_kept(table, tmp_path):
    dataset = data.load(table(",a,label\n7,5,x\n1,6,y\n2,5,x\n"), "t", tmp_path / "t", test_share=0)
    assert dataset.columns == ("Unnamed: 0", "a")
    assert any(
        "if these are rows of a larger table, leave it out (drop 'Unnamed: 0')" in note for note in dataset.notes
    )


def test_label_is_found_by_its_usual_name(table, tmp_path):
    assert data.load(table("a,target\n1,0\n2,1\n3,0\n"), "t", tmp_path / "t").target.name == "target"


@pytest.mark.parametrize(
    ("content", "label", "error", "words"),
    [
        (TEXT, "specie", InputError, r"no column 'specie'\. Did you mean 'species'\? Columns: height, colour, sold"),
        (TEXT, None, InputError, "which column is the label.*height, colour, sold, species"),
        ("", "a", InputError, "is empty"),
        ("\n\n", "a", DataError, "no columns"),
        ("a,label\n", "label", DataError, "no rows"),
        ("label\n1\n0\n", "label", InputError, "only the label column"),
        ("a,label\n1,0\n,1\n3,1\n", "label", DataError, r"column 'a' has 1 missing .*row 2\).*clean"),
        ("a,label\n1,0\n2,\n3,\n4,1\n", "label", DataError, r"2 of 4 rows have no usable label .*first is row 2\)"),
        ("a,label\n1,0\n2,1\n?,1\n", "label", DataError, "no numbers among numbers .*'\\?' in row 3"),
        ("a,label\n1,0,5\n2,1,5\n", "label", DataError, "more values in its rows than names"),
        ("a,label\n0,0,5\n1,1,5\n", "label", DataError, "more values in its rows than names"),
        ("a,label\n1,0\n2,1,7,8\n", "label", DataError, "can't be read as CSV.*line 3"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a", DataError, "binary"),
        ("a,label\né,1\n".encode("latin-1"), "label", DataError, "no UTF-8"),
        (("kind,label\n" + "a,p\nb,q\n" * 10) * 2, None, DataError, r"line of names again, 1 time .*as row 21\)"),
        ("kind,label\na,p\n\ufeffkind,label\nb,q\n", None, DataError, r"line of names again, 1 time .*as row 2\)"),
        ("a,label\n" + "".join(f"name{n},{n % 2}\n" for n in range(40)), "label", DataError, "text of 40 different"),
    ],
)
def test_refused(table, tmp_path, content, label, error, words):
    with pytest.raises(error, match=words) as caught:
        data.load(table(content), "t", tmp_path / "t", label=label)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "t").exists()


def test_truncated_gzip(tmp_path):
    path = tmp_path / "pets.csv.gz"
    path.write_bytes(gzip.compress(TEXT.encode())[:-20])
    with pytest.raises(DataError, match="can't be read as CSV"):
        data.load(path, "pets", tmp_path / "pets", label="species")
