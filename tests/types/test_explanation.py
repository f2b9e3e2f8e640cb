from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lepton_lab.types import ExplainedRow, Explanation, Feature


def made(folder: Path, **changes: Any) -> Explanation:
    np.save(folder / "v.npy", np.ones((1, 2), np.float32))
    row = ExplainedRow(7, "cat", "dog", 2.5, -0.5, 0.01, (("age", 2.0), ("size", -0.25)))
    settings = {
        "explains": "log-odds",
        "rows": (row,),
        "features": (Feature("age", 2.0, 0.5), Feature("size", 0.25, 0.1)),
        "notes": ("against a row of zeros",),
    } | changes
    return Explanation("m", "d/test", "integrated_gradients", folder / "v.npy", num_rows=1, seconds=0.5, **settings)


def test_rows_and_what_counts(tmp_path: Path) -> None:
    found = made(tmp_path)
    text = str(found)
    assert "m on d/test: integrated_gradients" in text and "row  label  explains  log-odds  expected  error" in text
    assert "7    cat    dog       2.5       -0.5      +0.01  age +2, size -0.25" in text
    assert "mean share of the log-odds: age 2 ± 0.5, size 0.25 ± 0.1" in text
    html = found._repr_html_()
    assert "mean share of the log-odds" in html and html.index("2 ± 0.5") < html.index("0.25 ± 0.1")
    assert "against a row of zeros" in text and "1 rows in 0.5 s" in text and "orange" not in text
    assert isinstance(found.values, np.memmap) and found.values.shape == (1, 2)


def test_rows_that_are_compared_with_nothing(tmp_path: Path) -> None:
    text = str(made(tmp_path, rows=(ExplainedRow(7, "cat", "dog", 2.5),), features=()))
    assert "expected" not in text and "error" not in text and "counts" not in text and "share" not in text


def test_a_whole_model(tmp_path: Path) -> None:
    pictures = (("mean of 9 rows", "AAAA", "BBBB"),)
    found = made(tmp_path, rows=(), explains="accuracy", pictures=pictures)
    assert "by how much accuracy drops\n  age   2 ± 0.5\n  size  0.25 ± 0.1" in str(found)
    assert "label" not in str(found)
    assert "the stronger the orange" in str(found) and "pictures of mean of 9 rows: seen in a notebook" in str(found)
    html = found._repr_html_()
    assert html.count("2 ± 0.5") == 1
    assert html.index("base64,AAAA") < html.index("base64,BBBB") < html.index("mean of 9 rows</figcaption>")
    assert "by how much mae grows" in str(made(tmp_path, rows=(), explains="mae"))
