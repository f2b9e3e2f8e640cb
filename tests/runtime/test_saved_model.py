"""SavedModels that would do more than compute are refused before anything of them is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.errors import ConversionError, InputError
from lepton_lab.runtime import load_keras, open_model, read_config, read_saved_keras, write_saved_model
from lepton_lab.types import Model
from tests.models_fixture import keras


def save(folder: Path, answer: Callable[[Any, Path], Any], victim: Path, signature: str = "serving_default") -> Path:
    """A SavedModel that answers rows of three numbers by a function."""
    import tensorflow as tf

    module = tf.Module()
    spec = tf.TensorSpec((None, 3), tf.float32, name="rows")
    module.serve = tf.function(lambda rows: {"out": answer(rows, victim)}, input_signature=[spec])
    tf.saved_model.save(module, str(folder), signatures={signature: module.serve.get_concrete_function()})
    return folder


def reads(rows: Any, victim: Path) -> Any:
    import tensorflow as tf

    return rows + tf.cast(tf.strings.length(tf.io.read_file(str(victim))), tf.float32)


def writes(rows: Any, victim: Path) -> Any:
    import tensorflow as tf

    with tf.control_dependencies([tf.io.write_file(str(victim), "gone")]):
        return rows * 2


def prints(rows: Any, victim: Path) -> Any:
    import tensorflow as tf

    with tf.control_dependencies([tf.raw_ops.PrintV2(input="gone", output_stream=f"file://{victim}")]):
        return rows * 2


def calls_python(rows: Any, victim: Path) -> Any:
    import tensorflow as tf

    return tf.ensure_shape(tf.py_function(lambda rows: rows, [rows], tf.float32), (None, 3))


def in_a_branch(rows: Any, victim: Path) -> Any:
    import tensorflow as tf

    return tf.cond(tf.reduce_sum(rows) > 1e9, lambda: writes(rows, victim), lambda: rows)


def saves(rows: Any, victim: Path) -> Any:
    import tensorflow as tf

    save = tf.raw_ops.SaveV2(prefix=str(victim), tensor_names=["x"], shape_and_slices=[""], tensors=[rows])
    with tf.control_dependencies([save]):
        return rows * 2


@pytest.mark.parametrize("answer", [reads, writes, prints, calls_python, in_a_branch, saves])
def test_one_that_touches_more_than_its_rows(tmp_path: Path, answer: Callable[..., Any]) -> None:
    victim = tmp_path / "victim"
    victim.write_text("dear")
    folder = save(tmp_path / "bad", answer, victim)
    with pytest.raises(InputError, match=r"bad is not loaded: its operation '\w+' \(.*\) is not among those that only"):
        open_model(folder)
    assert victim.read_text() == "dear" and sorted(p.name for p in tmp_path.iterdir()) == ["bad", "victim"]


def change(folder: Path, edit: Callable[[Any], None]) -> None:
    """Spoil a SavedModel's graph."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    message = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    edit(message.meta_graphs[0])
    (folder / "saved_model.pb").write_bytes(message.SerializeToString())


def saver_as_signature(graph: Any) -> None:
    """Have the function that writes files called as if it were the model."""
    saver = next(node for node in graph.graph_def.node if "traced_save" in node.attr["f"].func.name)
    serve = next(node for node in graph.graph_def.node if "signature_wrapper" in node.attr["f"].func.name)
    serve.attr["f"].func.name = saver.attr["f"].func.name


def saver_as_function(graph: Any) -> None:
    """Have it restored as a function of the model's objects."""
    saver = next(node for node in graph.graph_def.node if "traced_save" in node.attr["f"].func.name)
    name = saver.attr["f"].func.name
    graph.object_graph_def.concrete_functions[name].SetInParent()


def model_as_saver(graph: Any) -> None:
    """Call the model's own function the saver, so that it isn't looked at."""
    graph.saver_def.restore_op_name = "StatefulPartitionedCall"


@pytest.mark.parametrize("edit", [saver_as_signature, saver_as_function, model_as_saver])
def test_the_functions_that_save_it_are_no_way_round(tmp_path: Path, edit: Callable[[Any], None]) -> None:
    folder = save(tmp_path / "bad", writes if edit is model_as_saver else lambda rows, _: rows * 2, tmp_path / "victim")
    change(folder, edit)
    with pytest.raises(InputError, match=r"bad is not loaded: its (graph calls|operation)"):
        open_model(folder)


def test_one_of_tensorflow_1(tmp_path: Path) -> None:
    folder = save(tmp_path / "old", lambda rows, _: rows * 2, tmp_path)
    change(folder, lambda graph: graph.ClearField("object_graph_def"))
    with pytest.raises(InputError, match="old is no SavedModel of TensorFlow 2"):
        open_model(folder)


def test_one_without_the_signature(tmp_path: Path) -> None:
    folder = save(tmp_path / "other", lambda rows, _: rows * 2, tmp_path, "mine")
    with pytest.raises(InputError, match="has no signature 'serving_default', only mine"):
        open_model(folder)


def by_matrices(rows: Any, victim: Path) -> Any:
    import tensorflow as tf

    return rows @ tf.linalg.cholesky(4 * tf.eye(3))


def by_texts(rows: Any, victim: Path) -> Any:
    import tensorflow as tf

    pairs = tf.strings.ngrams(tf.strings.as_string(rows), 2, separator="+")  # '1.000000+1.000000'
    first = tf.strings.to_number(tf.strings.substr(pairs, 0, 8))
    return tf.concat([first, rows[:, -1:]], 1) * 2


@pytest.mark.parametrize("answer", [by_matrices, by_texts])
def test_harmless_ones_answer(tmp_path: Path, answer: Callable[..., Any]) -> None:
    opened = open_model(save(tmp_path / "good", answer, tmp_path))
    assert opened.run(np.ones((2, 3))).tolist() == [[2.0] * 3] * 2
    with pytest.raises(InputError, match="can't be run on such rows"):
        opened.run(np.ones((2, 4)))


def test_what_tensorflow_can_not_save_is_one_line(tmp_path: Path) -> None:
    import tensorflow as tf

    hidden = tf.Variable(1.0)  # which no layer knows of
    rows = keras().Input((3,))
    model = keras().Model(rows, keras().layers.Lambda(lambda rows: rows * hidden)(rows))
    with pytest.raises(ConversionError, match=r"^The model can't become a SavedModel: .*untracked.*\.$"):
        write_saved_model(model, tmp_path / "saved")


def test_config_and_weights_come_back(cnn: Model, tmp_path: Path) -> None:
    model = load_keras(cnn.file)
    write_saved_model(model, tmp_path / "with", read_config(cnn.file)[0])
    saved = read_saved_keras(tmp_path / "with")
    config = read_config(cnn.file)[0]
    assert config.pop("compile_config") and saved is not None and saved[0] == config
    assert all((one == other).all() for one, other in zip(saved[1], model.get_weights(), strict=True))
    write_saved_model(model, tmp_path / "without")
    assert read_saved_keras(tmp_path / "without") is None
    (tmp_path / "with" / "variables" / "variables.index").write_bytes(b"damaged")
    with pytest.raises(InputError, match="with can't be read"):
        read_saved_keras(tmp_path / "with")


def test_an_input_whose_name_no_signature_takes(tmp_path: Path) -> None:
    rows = keras().Input((3,), name="my in")
    with pytest.raises(ConversionError, match="rename its input 'my in'"):
        write_saved_model(keras().Model(rows, keras().layers.Dense(2)(rows)), tmp_path)
