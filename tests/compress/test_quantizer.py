import numpy as np
import pytest

from lepton_lab.compress import _quantizer
from lepton_lab.compress._base import Rule, exactly
from lepton_lab.errors import ConversionError
from lepton_lab.runtime import Interpreter, load_keras, open_rows, to_tflite
from lepton_lab.types import Dataset, Model
from tests.models_fixture import keras


@pytest.fixture(scope="module")
def float_file(cnn: Model) -> bytes:
    return to_tflite(load_keras(cnn.file))


def test_a_later_rule_wins(float_file: bytes) -> None:
    first = next(o for o in Interpreter(float_file).operations if o.kind == "CONV_2D")
    content = _quantizer.apply(float_file, [Rule("dynamic"), Rule("float32", exactly(first.output))])
    kernels = [o.inputs[1].dtype for o in Interpreter(content).operations if o.kind == "CONV_2D"]
    assert kernels == ["float32", "int8"]


def test_int8_without_rows_is_a_conversion_error(float_file: bytes) -> None:
    with pytest.raises(ConversionError, match="can't be quantised"):
        _quantizer.apply(float_file, [Rule("int8")])


def test_batches_of_calibration_rows_are_united(float_file: bytes, digits: Dataset) -> None:
    """However the rows are cut into batches, the ranges are those of all rows."""
    rows = np.asarray(open_rows(digits, "train")[0][:64], np.float32)
    rules = [Rule("int8"), Rule("float32", kind="INPUT"), Rule("float32", kind="OUTPUT")]
    order = np.argsort(rows.max(axis=(1, 2, 3)), kind="stable")

    def quantised(rows: np.ndarray) -> bytes:
        return _quantizer.apply(float_file, rules, _quantizer.calibrate(float_file, rows))

    assert quantised(rows) == quantised(rows[order])
    one = Interpreter(quantised(np.concatenate([rows] * 20)))  # 1280 rows: two batches
    np.testing.assert_array_equal(one.run(rows), Interpreter(quantised(rows)).run(rows))


def test_rules_become_bits(float_file: bytes) -> None:
    rules = [Rule("dynamic"), Rule("dynamic4", "", "CONV_2D"), Rule("float32", "dense_1"), Rule("int8", "", "ELU")]
    after = Interpreter(_quantizer.apply(float_file, rules)).operations
    weighted = [operation for operation in after if operation.kind in ("CONV_2D", "FULLY_CONNECTED")]
    assert [o.inputs[1].bits for o in weighted] == [4, 4, 8, 32]


def test_every_operation_of_the_quantizer_has_a_name_of_the_schema() -> None:
    """They are called the same but for a few, which are paired by their numbers."""
    from ai_edge_quantizer.qtyping import TFLOperationName

    kinds = _quantizer._kinds("ai_edge_quantizer")
    unknown = set(TFLOperationName) - set(kinds.values())
    assert {kind.value for kind in unknown} <= {"CUSTOM_OP"}
    assert kinds["TRANSPOSE_CONV"].value == "CONV_2D_TRANSPOSE"
    assert {name for name, kind in kinds.items() if name != kind.value} == {"TRANSPOSE_CONV"}


@pytest.mark.parametrize("becomes", ["dynamic", "dynamic4", "int8", "int4"])
def test_a_channel_of_zeros(cnn: Model, digits: Dataset, becomes: str) -> None:
    """As pruning leaves one now and then: its step would be zero, which LiteRT refuses."""
    model = load_keras(cnn.file)
    kernel = model.get_layer("conv2d_1").kernel
    kernel.assign(kernel * (np.arange(32) != 6))
    rows = np.asarray(open_rows(digits, "test")[0][:200], np.float32)
    content = to_tflite(model)
    ends = [Rule("float32", kind="INPUT"), Rule("float32", kind="OUTPUT")]
    rules = [Rule("dynamic" if "dynamic" in becomes else "int8"), *ends, Rule(becomes, "", "CONV_2D")]  # type: ignore[arg-type]
    ranges = _quantizer.calibrate(content, rows)
    answers = Interpreter(_quantizer.apply(content, rules, ranges)).run(rows)
    assert (answers.argmax(1) == Interpreter(content).run(rows).argmax(1)).mean() > 0.95


def test_sums_whose_steps_are_powers_of_two() -> None:
    import tensorflow as tf
    import tf_keras

    rows = tf_keras.Input((4,))
    clipped = tf.clip_by_value(rows, -1.0, 1.0)
    model = tf_keras.Model(rows, tf_keras.layers.Concatenate()([clipped + 1.0, 1.0 - clipped]))
    file = to_tflite(model)
    x = np.linspace(-2, 2, 64, dtype=np.float32).reshape(16, 4)
    rules = [Rule("int16"), Rule("float32", kind="INPUT"), Rule("float32", kind="OUTPUT")]
    found = Interpreter(_quantizer.apply(file, rules, _quantizer.calibrate(file, x)))
    assert {each.kind for each in found.operations} >= {"ADD", "SUB"}
    np.testing.assert_allclose(found.run(x), model(x), atol=2e-4)


def test_a_pattern_matches_one_name() -> None:
    import re

    assert re.search(exactly("model/norm.1/sub"), "model/norm.1/sub;")
    assert not re.search(exactly("model/norm/sub"), "model/norm/sub_1;")


def test_what_is_0_for_all_rows_ends_no_process() -> None:
    """Masked steps of ids that are all 0, as a plan without rows has them; LiteRT aborts at steps of 4e-12."""
    one = keras()
    ids = one.Input((3,), dtype="int32")
    known = one.layers.Embedding(5, 3, mask_zero=True)(ids)
    model = one.Model(ids, one.layers.Dense(2)(one.layers.GRU(3)(known)))
    rows, float_file = np.zeros((4, 3), np.int32), to_tflite(model)
    content = _quantizer.apply(float_file, [Rule("int8")], _quantizer.calibrate(float_file, rows))
    np.testing.assert_allclose(Interpreter(content).run(rows), model(rows), atol=0.01)
