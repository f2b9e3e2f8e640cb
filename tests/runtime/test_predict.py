import numpy as np
import pytest

from lepton_lab.runtime import open_rows, predict
from lepton_lab.types import Dataset, Model


@pytest.mark.parametrize("which", ["cnn", "int8_cnn"])
def test_batches_do_not_change_the_answers(which: str, digits: Dataset, request: pytest.FixtureRequest) -> None:
    model: Model = request.getfixturevalue(which)
    rows = open_rows(digits, "test")[0][:50]
    whole, parts = predict(model.file, rows, 512), predict(model.file, rows, 7)
    assert whole.shape == (50, 10)
    np.testing.assert_allclose(whole, parts, atol=1e-5)


def test_no_rows_give_no_answers(cnn: Model, digits: Dataset) -> None:
    assert predict(cnn.file, open_rows(digits, "test")[0][:0]).shape == (0, 10)
