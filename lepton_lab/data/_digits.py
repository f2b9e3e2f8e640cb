"""scikit-learn's handwritten digits: 1,797 pictures of 8 by 8, with 17 greys. They come with the package."""

from __future__ import annotations

import numpy as np

from lepton_lab.data._base import Columns, Raw
from lepton_lab.events import Progress, Report
from lepton_lab.types import Scaling


def read(source: object, columns: Columns, report: Report) -> Raw:
    """The digits: x uint8 (1797, 8, 8, 1) from 0 to 16, y int64."""
    columns.refuse("digits")
    report(Progress("data load digits", "loading scikit-learn"))
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = digits.images.astype(np.uint8)[..., None]
    return Raw({"train": (x, digits.target.astype(np.int64))}, "digits", "digit", scaling=Scaling((0.0,), (16.0,)))
