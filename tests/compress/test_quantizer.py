import numpy as np
import pytest

from lepton_lab.compress import _quantizer
from lepton_lab.compress._base import Rule, exactly
from lepton_lab.errors import ConversionError
from lepton_lab.runtime import Interpreter, load_keras, open_rows, to_tflite
from lepton_lab.types import Dataset, Model


@pytest.fixture(scope="module")
def float_file(cnn: Model) -> bytes:
    return to_tflite(load_keras(cnn.file))


def test_a_later_rule_wins(float_file: bytes) -> None:
    first = next(o for o in Interpreter(float_file).operations if o.kind == "CONV_2D")
    content = _quantizer.apply(float_file, [Rule("dynamic"), Rule("float32", exactly(first.output))])
    kernels = [o.input_dtypes[1] for o in Interpreter(content).operations if o.kind == "CONV_2D"]
    assert kernels == ["float32", "int8"]


def test_int8_without_rows_is_a_conversion_error(float_file: bytes) -> None:
    with pytest.raises(ConversionError, match="can't be quantised"):
        _quantizer.apply(float_file, [Rule("int8")])


def test_batches_of_calibration_rows_are_united(float_file: bytes, digits: Dataset) -> None:
    """However the rows are cut into batches, the ranges are those of all rows."""
    rows = np.asarray(open_rows(digits, "train")[0][:64], np.float32)
    rules = [Rule("int8"), Rule("float32", kind="INPUT"), Rule("float32", kind="OUTPUT")]
    order = np.argsort(rows.max(axis=(1, 2, 3)), kind="stable")
    assert _quantizer.apply(float_file, rules, rows) == _quantizer.apply(float_file, rules, rows[order])
    one = Interpreter(_quantizer.apply(float_file, rules, np.concatenate([rows] * 20)))  # 1280 rows: two batches
    two = Interpreter(_quantizer.apply(float_file, rules, rows))
    np.testing.assert_array_equal(one.run(rows), two.run(rows))


def test_a_pattern_matches_one_name() -> None:
    import re

    assert re.search(exactly("model/norm.1/sub"), "model/norm.1/sub;")
    assert not re.search(exactly("model/norm/sub"), "model/norm/sub_1;")
