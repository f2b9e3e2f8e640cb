import numpy as np
import pytest

from lepton_lab.compress._weights import parts_of_file
from lepton_lab.runtime import Operation, Tensor

ROWS = Tensor("rows", (1, 2), "float32")
WEIGHTS = Tensor("w", (3, 2), "int8", np.array([[0, 1], [0, 2], [0, 1]], np.int8).tobytes(), (0.5,), (0,))


def made(output: str, *constants: Tensor, kind: str = "FULLY_CONNECTED") -> Operation:
    return Operation(kind, (ROWS, *constants), (Tensor(output, (1, 3), "float32"),))


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ("m/dense/MatMul;m/dense/BiasAdd/ReadVariableOp", "dense"),
        ("m/relu/Relu;m/norm/FusedBatchNormV3;m/stem/Conv2D2", "stem + norm + relu"),
        ("m/quant_dense/MatMul;m/quant_dense/LastValueQuant/FakeQuantWithMinMaxVars", "dense"),
        ("m/inner/dense/MatMul", "inner/dense"),
        ("StatefulPartitionedCall:0", "StatefulPartitionedCall:0"),
    ],
)
def test_the_layers_that_an_operation_was_made_of(output: str, name: str) -> None:
    (part,) = parts_of_file([made(output, WEIGHTS)])
    assert part.figures.name == name and part.nodes == (output,)


def test_figures_of_whole_numbers() -> None:
    bias = Tensor("b", (3,), "int32", bytes(12))
    figures = parts_of_file([made("m/dense/MatMul", WEIGHTS, bias)])[0].figures
    assert (figures.sparsity, figures.num_values, figures.num_weights) == (0.5, 3, 6)
    assert (figures.raw_bytes, figures.weight_bits, figures.activation_bits) == (18, 8, 32)


def test_weights_that_two_operations_read_are_told_once() -> None:
    (part,) = parts_of_file([made("m/cell/MatMul", WEIGHTS), made("m/cell/MatMul_1", WEIGHTS)])
    assert part.nodes == ("m/cell/MatMul", "m/cell/MatMul_1") and part.figures.raw_bytes == 6


def test_shapes_and_single_numbers_are_no_weights() -> None:
    axes, factor = Tensor("axes", (2,), "int32", bytes(8)), Tensor("m/scaling/Cast/x", (), "float32", bytes(4))
    assert parts_of_file([made("m/flatten/Reshape", axes, kind="RESHAPE"), made("m/s/mul", factor, kind="MUL")]) == []
