"""Models' files of every kind brought in, in the processes that the product does it in."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab import forkserver
from lepton_lab.errors import InputError
from tests.zoo import BUILDERS

HERE = f"{__name__}:"


def adopt(folder: Path, path: Path, allow_code: bool = False) -> Any:
    folder.mkdir(exist_ok=True)
    arguments = {"folder": folder, "path": path, "allow_code": allow_code}
    return forkserver.call("lepton_lab.train._adopt:adopt_path", arguments)


def adopt_beside(folder: Path, path: Path, on_path: Path) -> Any:
    """Where modules of a folder can be imported."""
    import sys

    from lepton_lab.train._adopt import adopt_path

    sys.path.insert(0, str(on_path))
    return adopt_path(folder, path, False)


def predict(file: Path, rows: Any) -> Any:
    return forkserver.call("lepton_lab.runtime:predict", {"model_file": file, "rows": rows})


def write_all(folder: Path) -> None:
    """A small model, written in every format; as `.keras` too, to compare with."""
    import tensorflow as tf
    import tf2onnx
    import tf_keras

    from lepton_lab.runtime import load_keras, read_config, to_tflite, write_saved_model

    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [tf_keras.Input((4,), name="rows"), layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dense(3)]
    )
    model.save(folder / "m.keras")
    (folder / "m.tflite").write_bytes(to_tflite(load_keras(folder / "m.keras")))
    write_saved_model(model, folder / "ours", read_config(folder / "m.keras")[0])
    tf_keras.models.save_model(model, folder / "theirs", save_format="tf")
    signature = [tf.TensorSpec((None, 4), tf.float32, name="rows")]
    made, _ = tf2onnx.convert.from_function(tf.function(model, input_signature=signature), signature, opset=17)
    (folder / "m.onnx").write_bytes(made.SerializeToString())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    forkserver.call(f"{HERE}write_all", {"folder": folder})
    return folder


ROWS = np.random.default_rng(0).random((5, 4), np.float32)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("m.keras", "keras"),
        ("m.tflite", "tflite"),
        ("m.onnx", "onnx"),
        ("ours", "keras"),
        ("theirs", "saved_model"),
    ],
)
def test_each_kind_answers_as_before(written: Path, tmp_path: Path, name: str, format: str) -> None:
    shape = adopt(tmp_path / "new", written / name)
    assert (shape.input_shape, shape.output_shape, shape.format) == ((4,), (3,), format)
    # where batch normalisation is folded into the layer before, there are fewer numbers
    assert 56 <= shape.num_parameters <= 99
    answers = predict(tmp_path / "new" / f"model.{format}", ROWS)
    assert answers == pytest.approx(predict(written / "m.keras", ROWS), abs=1e-5)
    assert (tmp_path / "new" / "initial.keras").is_file() == (format == "keras")


def test_a_saved_model_with_another_config_inside(written: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "bad"
    shutil.copytree(written / "ours", folder)
    file = folder / "assets.extra" / "keras.json"
    config = json.loads(file.read_text())
    config["config"]["layers"][-1]["config"]["units"] = 5
    file.write_text(json.dumps(config))
    with pytest.raises(InputError, match="bad can't be made a Keras model again"):
        adopt(tmp_path / "new", folder)
    victim = tmp_path / "victim.py"
    victim.write_text("from pathlib import Path\nPath(__file__).with_suffix('.run').touch()\n")
    config["config"]["layers"][-1]["config"]["units"] = 3
    evil = {"class_name": "L", "config": {"path": str(victim)}, "module": "victim", "registered_name": None}
    file.write_text(json.dumps({**config, "compile_config": {"loss": evil}}))
    arguments = {"folder": tmp_path / "new", "path": folder, "on_path": tmp_path}
    assert forkserver.call(f"{HERE}adopt_beside", arguments).format == "keras"
    assert not victim.with_suffix(".run").exists(), "a module that the file names was imported"
    config["config"]["layers"][-1]["class_name"] = "Lambda"  # then it is one like any other, and its graph counts
    file.write_text(json.dumps(config))
    assert adopt(tmp_path / "new", folder).format == "saved_model"
    assert not (tmp_path / "new" / "model.saved_model" / "assets.extra").exists()


def test_damaged_files(written: Path, tmp_path: Path) -> None:
    for name in ("m.keras", "m.tflite", "m.onnx"):
        file = tmp_path / name
        file.write_bytes((written / name).read_bytes()[:500])
        with pytest.raises(InputError, match=f"{name}|model.tflite") as caught:
            adopt(tmp_path / "new", file)
        assert "\n" not in str(caught.value)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "saved_model.pb").write_bytes((written / "theirs" / "saved_model.pb").read_bytes())
    with pytest.raises(InputError, match="can't be loaded as a SavedModel"):
        adopt(tmp_path / "new", tmp_path / "m")


def save_with_lambda(file: Path, victim: Path, is_keras3: bool, is_pure: bool) -> None:
    """Write a model with a Lambda that leaves a trace whenever it is traced, unless it is pure."""
    import keras
    import tf_keras

    library = keras if is_keras3 else tf_keras
    layers = library.layers
    shape = {"output_shape": (4,)} if is_keras3 else {}
    trace = "" if is_pure else f"open({str(victim)!r}, 'a').write('x'), "
    own = layers.Lambda(eval(f"lambda rows: ({trace}rows * 2.0 + 1.0,)[-1]"), name="own", **shape)
    inputs = library.Input((4,), name="rows")
    library.Model(inputs, layers.Dense(3, kernel_initializer="ones")(own(inputs))).save(file)


@pytest.mark.parametrize("is_keras3", [False, True])
def test_a_lambda_is_run_by_the_users_word_alone(tmp_path: Path, is_keras3: bool) -> None:
    file, victim = tmp_path / "m.keras", tmp_path / "victim"
    arguments = {"file": file, "victim": victim, "is_keras3": is_keras3, "is_pure": False}
    forkserver.call(f"{HERE}save_with_lambda", arguments)
    victim.unlink(missing_ok=True)
    with pytest.raises(InputError, match=r"the layer 'own' is a Lambda.*, or say --allow-code to run code in the file"):
        adopt(tmp_path / "new", file)
    assert not victim.exists() and list((tmp_path / "new").iterdir()) == []
    shape = adopt(tmp_path / "new", file, allow_code=True)
    assert shape.format == "saved_model" and victim.exists()
    victim.unlink()
    answers = predict(tmp_path / "new" / "model.saved_model", ROWS)
    assert answers == pytest.approx(np.repeat((2 * ROWS + 1).sum(1, keepdims=True), 3, axis=1), abs=1e-5)
    assert not victim.exists()  # the code is not in what is kept


def test_the_users_word_changes_nothing_where_there_is_no_code(written: Path, tmp_path: Path) -> None:
    assert adopt(tmp_path / "new", written / "m.keras", allow_code=True).format == "keras"


def save_with_python(file: Path) -> None:
    """Write a model whose Lambda goes on calling Python while it computes."""
    import tensorflow as tf
    import tf_keras

    call = eval("lambda rows: tf.ensure_shape(tf.py_function(lambda x: x, [rows], tf.float32), (None, 4))", {"tf": tf})
    inputs = tf_keras.Input((4,), name="rows")
    tf_keras.Model(inputs, tf_keras.layers.Dense(3)(tf_keras.layers.Lambda(call)(inputs))).save(file)


def test_code_that_does_not_become_operations(tmp_path: Path) -> None:
    forkserver.call(f"{HERE}save_with_python", {"file": tmp_path / "m.keras"})
    with pytest.raises(InputError, match=r"its operation 'EagerPyFunc' .* is not among those that only compute"):
        adopt(tmp_path / "new", tmp_path / "m.keras", allow_code=True)


def test_code_that_can_not_be_run(tmp_path: Path) -> None:
    file = tmp_path / "m.keras"
    arguments = {"file": file, "victim": tmp_path / "victim", "is_keras3": False, "is_pure": True}
    forkserver.call(f"{HERE}save_with_lambda", arguments)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    own = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Lambda")
    own["class_name"], own["registered_name"] = "Mine", "theirs>Mine"
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in (parts | {"config.json": json.dumps(config).encode()}).items():
            archive.writestr(name, data)
    with pytest.raises(InputError, match=r"m\.keras can't be loaded with its code: ") as caught:
        adopt(tmp_path / "new", file, allow_code=True)
    assert "\n" not in str(caught.value)


def zoo_in_keras3(folder: Path, source: str) -> Any:
    """Build a model of the zoo in Keras 3, save it; returns its answers."""
    import keras

    keras.utils.set_random_seed(0)
    namespace: dict[str, Any] = {"keras": keras}
    exec(source, namespace)
    model = namespace["build"]((8, 8, 1), 10)
    rows = np.random.default_rng(0).integers(0, 17, (20, 8, 8, 1)).astype("float32")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(rows, np.arange(20) % 10, epochs=1, verbose=0)  # so that no statistic is as it was first
    model.save(folder / "m.keras")
    return rows, model.predict(rows, verbose=0)


@pytest.mark.parametrize("name", BUILDERS)
def test_every_architecture_of_keras_3(name: str, tmp_path: Path) -> None:
    rows, theirs = forkserver.call(f"{HERE}zoo_in_keras3", {"folder": tmp_path, "source": BUILDERS[name]})
    assert adopt(tmp_path / "new", tmp_path / "m.keras").format == "keras"
    assert predict(tmp_path / "new" / "model.keras", rows) == pytest.approx(theirs, abs=1e-5)
