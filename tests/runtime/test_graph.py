from pathlib import Path

import numpy as np
import pytest

from lepton_lab.compress import quantize
from lepton_lab.compress._base import Rule
from lepton_lab.compress._quantizer import apply
from lepton_lab.errors import InputError
from lepton_lab.runtime import Graph, load_keras, to_tflite
from lepton_lab.types import Dataset, Model
from tests.models_fixture import keras, quantised


def test_a_float_files_weights_are_the_models(cnn: Model) -> None:
    model = load_keras(cnn.file)
    graph = Graph(to_tflite(model))
    kernels = [operation.inputs[1] for operation in graph.operations if operation.kind == "FULLY_CONNECTED"]
    assert [kernel.shape for kernel in kernels] == [(64, 512), (10, 64)]
    np.testing.assert_array_equal(kernels[0].values(), model.get_layer("dense").kernel.numpy().T)
    assert (kernels[0].dtype, kernels[0].bits, kernels[0].is_constant) == ("float32", 32, True)


@pytest.mark.parametrize(("scheme", "bits", "step"), [("int8", 8, 1 / 127), ("int4", 4, 1 / 7)])
def test_quantised_weights_are_nearly_the_models(
    cnn: Model, digits: Dataset, tmp_path: Path, scheme: str, bits: int, step: float
) -> None:
    made = quantize(cnn, quantised(cnn, scheme, tmp_path / "q"), digits, scheme).model
    kernel = next(o for o in Graph(made.file.read_bytes()).operations if o.kind == "FULLY_CONNECTED").inputs[1]
    expected = load_keras(cnn.file).get_layer("dense").kernel.numpy().T
    assert kernel.bits == bits and len(kernel.content) == kernel.stored().size * bits // 8
    largest = np.abs(expected).max(axis=1, keepdims=True)
    assert (np.abs(kernel.values() - expected) <= largest * step * 0.51 + (0.5 * largest if bits == 4 else 0)).all()
    assert np.corrcoef(kernel.values().ravel(), expected.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("content", [b"", b"no file at all", b"\x00\x00\x00\x00TFL3" + bytes(40)])
def test_what_is_no_such_file(content: bytes) -> None:
    with pytest.raises(InputError, match=r"can't be read"):
        Graph(content)


def test_weights_that_lie_behind_the_graph() -> None:
    """So the quantizer writes the larger buffers of a larger file."""
    model = keras().Sequential([keras().Input((700,)), keras().layers.Dense(700, use_bias=False)])
    content = apply(to_tflite(model), [Rule("dynamic")])
    graph = Graph(content)
    (kernel,) = [tensor for operation in graph.operations for tensor in operation.constants]
    expected = model.get_weights()[0].T
    np.testing.assert_allclose(kernel.values(), expected, atol=0.51 * np.abs(expected).max() / 127)
    with pytest.raises(InputError, match="it ends within 490000 bytes of weights"):
        Graph(content[: len(content) // 2])
