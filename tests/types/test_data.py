from pathlib import Path

import pytest

from lepton_lab.types import Dataset, Target


@pytest.mark.parametrize(
    ("target", "shape", "dtype", "num_outputs", "words"),
    [
        (Target("classes", classes=("a", "b")), (), "int64", 2, "2 classes (a, b)"),
        (Target("numbers"), (), "float32", 1, "numbers"),
        (Target("numbers", width=3), (3,), "float32", 3, "3 numbers"),
        (Target("labels", classes=("a", "b")), (2,), "uint8", 2, "2 labels (a, b)"),
        (
            Target("classes", classes=tuple("abcdefghijklmn")),
            (),
            "int64",
            14,
            "14 classes (a, b, c, d, e, f, g, h, i, j, k, l, ...)",
        ),
    ],
)
def test_target(target, shape, dtype, num_outputs, words):
    assert (target.shape, target.dtype, target.num_outputs, target.describe()) == (shape, dtype, num_outputs, words)


def test_a_plain_data_set_shows_itself():
    target = Target("classes", "digit", ("0", "1"))
    text = str(Dataset("d", Path("d"), "digits", {"train": 1000, "test": 10}, (8, 8, 1), "uint8", target))
    assert "rows of shape (8, 8, 1) uint8; target 'digit': 2 classes (0, 1)" in text
    assert "1,000  64.0 kB" in text and "weighted" not in text


def test_several_inputs_and_targets_show_themselves():
    targets = {"kind": Target("classes", "kind", ("a", "b")), "tags": Target("labels", "tags", ("x", "y"))}
    inputs = {"image": ((10, 10, 1), "uint8"), "table": ((5,), "float32")}
    dataset = Dataset(
        "d",
        Path("d"),
        "arrays",
        {"train": 100},
        (),
        "record",
        targets["kind"],
        inputs=inputs,
        targets=targets,
        weighted=True,
    )
    text = str(dataset)
    for words in (
        "input 'image': rows of shape (10, 10, 1) uint8",
        "input 'table': rows of shape (5,) float32",
        "target 'kind': 2 classes (a, b)",
        "target 'tags': 2 labels (x, y)",
        "the training rows are weighted",
        "12.0 kB",
    ):
        assert words in text
    assert text in dataset._repr_html_() or "input &#x27;image&#x27;" in dataset._repr_html_()
