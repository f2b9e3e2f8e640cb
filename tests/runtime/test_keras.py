import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lepton_lab.errors import InputError
from lepton_lab.runtime import load_keras
from lepton_lab.runtime._keras import foreign_part, layers_of, read_config
from lepton_lab.types import Model
from tests.models_fixture import copy_of, keras, truncate


def test_loads_what_was_saved(cnn: Model) -> None:
    assert load_keras(cnn.file).count_params() == cnn.num_parameters


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.keras is missing"):
        load_keras(tmp_path / "gone.keras")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_a_truncated_file_is_an_input_error(cnn: Model, tmp_path: Path, share: float) -> None:
    model = copy_of(cnn, tmp_path / "cnn")
    truncate(model.file, share)
    with pytest.raises(InputError, match="can't be loaded as a Keras model"):
        load_keras(model.file)


def test_code_in_the_file_is_not_run(tmp_path: Path) -> None:
    layers = keras().layers
    inputs = layers.Input((3,))
    keras().Model(inputs, layers.Lambda(lambda rows: rows * 2)(inputs)).save(tmp_path / "lambda.keras")
    with pytest.raises(InputError, match="can't be loaded"):
        load_keras(tmp_path / "lambda.keras")


def test_arithmetic_between_layers_is_loaded(tmp_path: Path) -> None:
    inputs = keras().Input((4, 3))
    keras().Model(inputs, keras().layers.Dense(2)(inputs[:, 0] / 255.0 + 1.0)).save(tmp_path / "sum.keras")
    assert load_keras(tmp_path / "sum.keras").output_shape == (None, 2)
    found = foreign_part(read_config(tmp_path / "sum.keras")[0])
    assert found is not None and "OpLambda" in found


def zipped(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.json", text)
    return path


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"metadata": "{}", "config": "{}"}, "keras_version"),
        ({"metadata": '{"keras_version": "2.21.0"}', "config": "[]"}, "describes no model"),
        ({"metadata": '{"keras_version": "2.21.0"}', "config": "[" * 200_000}, "recursion"),
        ({"metadata": '{"keras_version": "2.21.0"}', "config": " " * (50 * 2**20 + 1)}, "larger than 50 MB"),
        ({"metadata": "{}", "config": "{}", **{f"x{n}": " " * (40 * 2**20) for n in range(3)}}, "100 times its size"),
        ({"metadata": "{}"}, "no item named 'config.json'"),
    ],
)
def test_a_config_that_is_none(tmp_path: Path, files: dict[str, str], message: str) -> None:
    file = zipped(tmp_path / "x.keras", **files)
    with pytest.raises(InputError, match=f"not a .keras file .*{message}") as caught:
        read_config(file)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=f"can't be loaded as a Keras model: .*{message}"):
        load_keras(file)


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"doesn't end in \.keras"):
        read_config(zipped(tmp_path / "x.h5", metadata="{}", config="{}"))


def dense(**settings: Any) -> dict[str, Any]:
    """A Dense layer's entry, as tf_keras writes it."""
    config = {"name": "first", "units": 2, "kernel_initializer": {"class_name": "Zeros", "config": {}}}
    return {"module": "keras.layers", "class_name": "Dense", "config": config | settings, "registered_name": None}


PIPE: dict[str, Any] = {"module": "pydoc", "class_name": "pipepager", "config": {}, "registered_name": None}


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (dense(), None),
        (dense(activation={"class_name": "function", "module": "os", "config": "system"}), "'function' of os"),
        (dense(kernel_initializer=PIPE), "layer 'first' names 'pipepager' of pydoc"),
        (dense(kernel_regularizer=PIPE | {"class_name": "Doc"}), "layer 'first' is a Doc of pydoc"),
        (dense(kernel_constraint={"class_name": "__lambda__", "config": {"value": ""}}), "'__lambda__'"),
        (dense(kernel_constraint={"class_name": "__typespec__", "config": []}), "'__typespec__'"),
        (dense(value={"class_name": "__numpy__", "config": {"value": [1], "dtype": "float32"}}), None),
        (dense(value={"class_name": "__keras_tensor__", "config": {}, "module": "this"}), "'__keras_tensor__'"),
        (dense(activation={"value": ["4wEAAAA", None, None]}), "holds code, a lambda"),
        (dense(bias_initializer={"value": [1.0, 2.0, 3.0]}), None),
        (dense(inbound_nodes=[[["rows", 0, 0, {"value": ["rows", 0, 0]}]]]), None),  # of attention: a call with value=
        (dense(deep=[[{"any": PIPE}]]), "pydoc"),
        (dense(value={"module": "pydoc"}), "no class of it"),
        (dense() | {"registered_name": "Custom>Mine"}, "a class of one's own"),
        (dense() | {"registered_name": "keras>Dense"}, None),
        (dense() | {"registered_name": "Mine"}, "registered as 'Mine'"),
        (dense() | {"module": "keras.src.utils.data_utils"}, "not of Keras"),
        (dense() | {"module": "keras_evil.layers"}, "not of Keras"),
        (dense() | {"class_name": "os.system"}, "no class of Keras"),
        (dense() | {"class_name": ["Dense"]}, "no class of Keras"),
        (dense() | {"class_name": "TFSMLayer"}, "is a TFSMLayer"),
        (dense(function="io.write_file") | {"class_name": "TFOpLambda"}, "calls tf.io.write_file"),
        (dense(function="math.add") | {"class_name": "TFOpLambda", "module": "this"}, "is a TFOpLambda"),
        (dense(vocabulary="/etc/passwd") | {"class_name": "StringLookup"}, "vocabulary"),
    ],
)
def test_foreign_parts_are_found_at_every_depth(layer: dict[str, Any], message: str | None) -> None:
    inner = {"module": "keras", "class_name": "Sequential", "config": {"name": "inner", "layers": [layer]}}
    around = {"module": "keras.layers", "class_name": "TimeDistributed", "config": {"name": "each", "layer": inner}}
    model = {
        "module": "tf_keras.src.engine.functional",
        "class_name": "Functional",
        "registered_name": "Functional",
        "config": {"name": "model", "layers": [around]},
        "compile_config": {"loss": PIPE},
    }
    found = foreign_part(json.loads(json.dumps(model)), operations=True)
    assert found is None if message is None else message in str(found)
    assert [entry["class_name"] for entry in layers_of(model["config"])] == [  # type: ignore[arg-type]
        "TimeDistributed",
        "Sequential",
        layer["class_name"],
    ]
