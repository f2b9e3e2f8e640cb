import dataclasses
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.compress import quantize
from lepton_lab.errors import ConversionError, InputError, MissingExtraError, UnknownNameError
from lepton_lab.events import Event, Progress
from lepton_lab.export import FORMATS, export
from lepton_lab.runtime import import_keras3, open_rows, predict
from lepton_lab.types import Dataset, Model, fields
from tests.models_fixture import copy_of, keras, make_of_zoo, quantised, truncate
from tests.zoo import BUILDERS

FILES = [name for name, format in FORMATS.items() if format.SUFFIX]
FOLDERS = [name for name, format in FORMATS.items() if not format.SUFFIX]


def at(folder: Path, format: str) -> Path:
    """Where to export to."""
    return folder / f"cnn{FORMATS[format].SUFFIX}"


@pytest.mark.parametrize("format", FORMATS)
class TestEveryFormat:
    def test_the_file_answers_as_the_model(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        to = at(tmp_path / "new" / "folder", format)
        bundle = export(cnn, format, to, digits)
        rows = open_rows(digits, "test")[0]
        answers = predict(to / FORMATS[format].MODEL, rows)
        assert np.abs(answers - predict(cnn.file, rows)).max() < 1e-5
        assert bundle.agreement.rows == 256 and bundle.agreement.same_answer == 1.0
        assert (bundle.path, bundle.format) == (to, format)
        assert all(to in (path, *path.parents) or path == bundle.manifest for path in to.parent.rglob("*"))

    def test_the_manifest_says_how_to_run_it(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        model = dataclasses.replace(cnn, metrics={"test_accuracy": 0.98})
        bundle = export(model, format, at(tmp_path, format), digits, rows=10)
        told = json.loads(bundle.manifest.read_text())
        assert told["inputs"][0]["shape"] == [-1, 8, 8, 1] and told["inputs"][0]["dtype"] == "float32"
        assert told["outputs"][0]["shape"] == [-1, 10]
        assert list(told["input_names"]) == ["rows"]
        assert told["classes"] == list("0123456789") and told["metrics"] == {"test_accuracy": 0.98}
        assert told["sha256"] == bundle.checksum and told["file"] == bundle.path.name
        assert told["scaling"].startswith("Raw rows go in") and "uint8" in told["scaling"]
        assert told["quantisation"] is None and told["agreement_with_parent"] is None
        assert told["agreement"]["on"] == "digits/test" and told["agreement"]["rows"] == 10
        assert told["versions"]["tensorflow"] and told["versions"]["tf_keras"] and told["created"]

    def test_numbers(self, format: str, mlp: Model, table: Dataset, tmp_path: Path) -> None:
        assert export(mlp, format, at(tmp_path, format), table).agreement.same_answer == 1.0

    def test_training_rows_where_there_is_no_test_split(
        self, format: str, cnn: Model, digits: Dataset, tmp_path: Path
    ) -> None:
        bundle = export(cnn, format, at(tmp_path, format), dataclasses.replace(digits, splits={"train": 1200}))
        assert json.loads(bundle.manifest.read_text())["agreement"]["on"] == "digits/train"

    def test_made_up_rows_where_there_is_no_data_set(self, format: str, cnn: Model, tmp_path: Path) -> None:
        bundle = export(cnn, format, at(tmp_path, format), None, rows=5)
        assert "made up" in json.loads(bundle.manifest.read_text())["agreement"]["on"] and bundle.agreement.rows == 5

    def test_a_truncated_model_leaves_nothing(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        model = copy_of(cnn, tmp_path / "cnn")
        truncate(model.file)
        with pytest.raises(InputError, match="can't be loaded"):
            export(model, format, at(tmp_path / "out", format), digits)
        assert list((tmp_path / "out").iterdir()) == []

    def test_a_target_below_a_file(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        events: list[Event] = []
        with pytest.raises(InputError, match=r"can't be written: (Not a directory|File exists)"):
            export(cnn, format, at(tmp_path / "file", format), digits, report=events.append)
        assert events == []

    def test_no_rows_to_compare(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="rows=0"):
            export(cnn, format, at(tmp_path, format), digits, rows=0)


@pytest.mark.parametrize("format", FILES)
class TestFiles:
    def test_size_and_checksum(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        bundle = export(cnn, format, at(tmp_path, format), digits)
        content = bundle.path.read_bytes()
        assert (bundle.num_bytes, bundle.checksum) == (len(content), hashlib.sha256(content).hexdigest())
        assert bundle.manifest == tmp_path / f"{bundle.path.name}.json"

    def test_a_second_export_takes_the_place_of_the_first(
        self, format: str, cnn: Model, digits: Dataset, tmp_path: Path
    ) -> None:
        at(tmp_path, format).write_bytes(b"older")
        assert export(cnn, format, at(tmp_path, format), digits).path.stat().st_size > 1000

    def test_a_folder_as_target(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"is a folder; name a file, such as .*model"):
            export(cnn, format, tmp_path, digits)
        (tmp_path / f"{at(tmp_path, format).name}.json").mkdir()
        with pytest.raises(InputError, match="is a folder"):
            export(cnn, format, at(tmp_path, format), digits)

    def test_a_target_with_another_suffix(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=f"name it '{at(tmp_path, format).name}'"):
            export(cnn, format, tmp_path / "cnn.h5", digits)


@pytest.mark.parametrize("format", FOLDERS)
class TestFolders:
    def test_size_and_checksum(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        bundle = export(cnn, format, at(tmp_path, format), digits)
        assert bundle.manifest == bundle.path / "manifest.json"
        files = [path for path in bundle.path.rglob("*") if path.is_file() and path != bundle.manifest]
        assert bundle.num_bytes == sum(path.stat().st_size for path in files)
        listing = "find * -type f ! -name manifest.json | LC_ALL=C sort | xargs sha256sum | sha256sum"
        printed = subprocess.run(
            listing, shell=True, cwd=bundle.path, capture_output=True, text=True, check=True
        ).stdout
        assert printed.split()[0] == bundle.checksum

    def test_a_second_export_takes_the_place_of_the_first(
        self, format: str, cnn: Model, mlp: Model, digits: Dataset, tmp_path: Path
    ) -> None:
        export(mlp, format, at(tmp_path, format), None)
        (tmp_path / "cnn" / "stray").write_text("")
        bundle = export(cnn, format, at(tmp_path, format), digits)
        assert json.loads(bundle.manifest.read_text())["model"] == "cnn" and not (bundle.path / "stray").exists()

    def test_a_folder_with_something_else_in_it(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").write_text("dear")
        (tmp_path / "manifest.json").write_text('{"manifest_version": 3, "name": "an extension of a browser"}')
        with pytest.raises(InputError, match="holds something else than an earlier export"):
            export(cnn, format, tmp_path, digits)
        assert (tmp_path / "thesis.tex").read_text() == "dear"

    def test_a_file_as_target(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        at(tmp_path, format).write_text("")
        with pytest.raises(InputError, match=f"is a file, and a {format} is a folder"):
            export(cnn, format, at(tmp_path, format), digits)

    def test_a_target_named_as_a_file(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"'cnn.tflite' is named as a file: name it 'cnn'"):
            export(cnn, format, tmp_path / "cnn.tflite", digits)


@pytest.mark.parametrize("format", FORMATS)
class TestFullDisk:
    """A disk with room for the probe, but not for the model."""

    @pytest.fixture
    def small_disk(self, tmp_path: Path) -> Iterator[Path]:
        folder = tmp_path / "small"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=20k", "tmpfs", str(folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("only who may mount a file system can fill one")
        yield folder
        subprocess.run(["umount", str(folder)], check=True)

    def test_leaves_nothing(self, format: str, cnn: Model, digits: Dataset, small_disk: Path) -> None:
        with pytest.raises(InputError, match=r"can't be written: .*No space left on device") as caught:
            export(cnn, format, at(small_disk, format), digits)
        assert "\n" not in str(caught.value) and list(small_disk.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS)
def test_every_architecture(format: str, of_zoo: Model, digits: Dataset, tmp_path: Path) -> None:
    bundle = export(of_zoo, format, at(tmp_path, format), digits)
    assert bundle.agreement.same_answer == 1.0 and bundle.agreement.max_difference < 1e-5
    told = json.loads(bundle.manifest.read_text())
    assert list(told["input_names"]) == ["rows"] and told["inputs"][0]["shape"] == [-1, 8, 8, 1]


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("scheme", ["dynamic", "float16", "int8"])
def test_every_quantised_architecture_as_onnx(name: str, scheme: str, digits: Dataset, tmp_path: Path) -> None:
    whole = make_of_zoo(name)
    model = quantize(whole, quantised(whole, scheme, tmp_path / "q"), digits, scheme).model
    bundle = export(model, "onnx", tmp_path / "q.onnx", digits, rows=597)
    told = json.loads(bundle.manifest.read_text())
    assert told["agreement"]["tolerance"] == 0.1 and bundle.agreement.same_answer >= 0.995
    assert list(told["input_names"].values()) == ["rows"] and told["quantisation"]
    x, y = open_rows(digits, "test")
    accuracies = [(predict(file, x).argmax(1) == y).mean() for file in (model.file, bundle.path)]
    assert abs(accuracies[0] - accuracies[1]) <= 0.005


def test_a_model_that_never_learnt_says_so(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    for stage, kind, said in (
        ("new", "cnn", "never trained"),
        ("new", "added", "brought in"),
        ("pruned", "cnn", "tra"),
    ):
        model = dataclasses.replace(cnn, stage=stage, kind=kind)
        bundle = export(model, "keras", tmp_path / "cnn.keras", digits, rows=5)
        assert said in json.loads(bundle.manifest.read_text())["weights"]


@pytest.mark.parametrize("format", ["onnx", "saved_model"])
def test_a_model_is_exported_as_what_it_is(cnn: Model, digits: Dataset, tmp_path: Path, format: str) -> None:
    first = export(cnn, format, at(tmp_path / "first", format), digits)
    folder = tmp_path / "kept"
    folder.mkdir()
    first.path.rename(folder / f"model.{format}")
    kept = dataclasses.replace(cnn, folder=folder, format=format)
    again = export(kept, format, at(tmp_path / "again", format), digits)
    assert again.agreement.max_difference == 0
    with pytest.raises(
        ConversionError, match=f"is in the format {format} and can't be exported as 'tflite': export it as "
    ):
        export(kept, "tflite", tmp_path / "cnn.tflite", digits)


def test_a_missing_package_leaves_nothing(
    cnn: Model, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tf2onnx", None)  # as Python has it where a package can't be imported
    with pytest.raises(MissingExtraError, match=r"Exporting to ONNX needs the package 'tf2onnx'.*lepton-lab\[onnx\]"):
        export(cnn, "onnx", tmp_path / "cnn.onnx", digits)
    assert list(tmp_path.iterdir()) == []


def test_a_quantised_model_as_tflite(cnn: Model, int8_cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    bundle = export(int8_cnn, "tflite", tmp_path / "q.tflite", digits)
    assert bundle.path.read_bytes() == int8_cnn.file.read_bytes() and bundle.agreement.max_difference == 0
    told = json.loads(bundle.manifest.read_text())
    assert told["quantisation"].startswith("int8 weights") and told["versions"]["ai-edge-litert"]
    assert told["agreement_with_parent"]["model"] == "cnn" and told["agreement_with_parent"]["same_answer"] > 0.97
    assert told["input_names"]["rows"] != "rows"


def test_a_quantised_model_whose_parent_is_gone(int8_cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    orphan = copy_of(int8_cnn, tmp_path / "models" / "q")
    bundle = export(orphan, "tflite", tmp_path / "q.tflite", digits)
    assert json.loads(bundle.manifest.read_text())["agreement_with_parent"] is None


def test_a_quantised_model_as_keras_names_tflite(int8_cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(
        ConversionError, match="export it as 'tflite' or 'onnx' or 'container', or export 'cnn' as 'keras'"
    ):
        export(int8_cnn, "keras", tmp_path / "q.keras", digits)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_suggests_the_nearest(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"no format 'tflight'. Did you mean 'tflite'"):
        export(cnn, "tflight", tmp_path / "cnn.tflite", digits)


def test_a_data_set_that_does_not_fit(cnn: Model, table: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="takes rows of shape"):
        export(cnn, "tflite", tmp_path / "cnn.tflite", table)


def test_progress_is_told(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    events: list[Event] = []
    export(cnn, "keras", tmp_path / "cnn.keras", digits, report=events.append)
    assert {event.task for event in events if isinstance(event, Progress)} == {"export cnn keras"}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("with_data", [True, False])
def test_several_inputs_and_outputs_keep_their_names(
    mixed: tuple[Model, Dataset], tmp_path: Path, format: str, with_data: bool
) -> None:
    model, dataset = mixed
    bundle = export(model, format, at(tmp_path, format), dataset if with_data else None)
    assert bundle.agreement.max_difference < 1e-5
    manifest = json.loads(bundle.manifest.read_text())
    assert {port["name"] for port in manifest["inputs"]} == {"image", "table"}
    assert {port["name"] for port in manifest["outputs"]} == {"kind", "price", "tags"}
    rows = open_rows(dataset, "test")[0]
    written = bundle.path / FORMATS[format].MODEL
    ours, theirs = (fields(predict(file, rows[:5])) for file in (model.file, written))
    for name, answers in ours.items():
        np.testing.assert_allclose(theirs[name], answers, atol=1e-5)


@pytest.mark.parametrize("library", ["tf_keras", "keras"])
def test_grouped_convolutions_as_onnx(library: str, cnn: Model, tmp_path: Path) -> None:
    """TensorFlow compiles each by itself."""
    one = import_keras3() if library == "keras" else keras()
    rows = one.Input((6, 6, 4), name="rows")
    hidden = one.layers.Conv2D(4, 3, groups=2, activation="relu")(rows)
    hidden = one.layers.Conv2D(4, 2, groups=4)(one.layers.Conv2D(4, 3, groups=2)(hidden))
    made = one.Model(rows, one.layers.Flatten()(hidden))
    made.save(tmp_path / "model.keras")
    bundle = export(dataclasses.replace(cnn, folder=tmp_path), "onnx", tmp_path / "grouped.onnx", None, 20)
    given = np.random.default_rng(0).normal(size=(5, 6, 6, 4)).astype("float32")
    np.testing.assert_allclose(predict(bundle.path, given), np.asarray(made(given)), atol=1e-5)


def test_celu_of_keras_3_as_onnx(cnn: Model, tmp_path: Path) -> None:
    one = import_keras3()
    rows = one.Input((6,), name="rows")
    made = one.Model(rows, one.layers.Dense(4, activation="celu")(rows))
    made.save(tmp_path / "model.keras")
    bundle = export(dataclasses.replace(cnn, folder=tmp_path), "onnx", tmp_path / "celu.onnx", None, 20)
    given = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")
    np.testing.assert_allclose(predict(bundle.path, given), np.asarray(made(given)), atol=1e-5)


@pytest.mark.parametrize(("rank", "stride", "extra"), [(1, 2, 1), (2, 2, 1), (2, 3, (0, 2)), (3, 2, 1)])
def test_transposed_convolutions_with_output_padding_as_onnx(
    cnn: Model, tmp_path: Path, rank: int, stride: int, extra: Any
) -> None:
    one = keras()
    rows = one.Input((4,) * rank + (2,), name="rows")
    layer = getattr(one.layers, f"Conv{rank}DTranspose")
    made = one.Model(rows, layer(3, 3, strides=stride, output_padding=extra, bias_initializer="ones")(rows))
    made.save(tmp_path / "model.keras")
    bundle = export(dataclasses.replace(cnn, folder=tmp_path), "onnx", tmp_path / "larger.onnx", None, 20)
    given = np.random.default_rng(0).normal(size=(5,) + (4,) * rank + (2,)).astype("float32")
    np.testing.assert_allclose(predict(bundle.path, given), made(given), atol=1e-5)


def test_what_onnx_lacks_is_told_by_its_cause(cnn: Model, tmp_path: Path) -> None:
    one = import_keras3()
    rows = one.Input((3,), name="rows")
    model = dataclasses.replace(cnn, name="odd", folder=tmp_path)
    causes = {
        r"tf2onnx has no Erfinv \(of one of the operations erfinv\w*\)": one.ops.erfinv(rows),
        "its layers compute in bfloat16; make the model again": one.layers.Dense(2, dtype="mixed_bfloat16")(rows),
    }
    for cause, answers in causes.items():
        one.Model(rows, answers).save(model.file)
        with pytest.raises(ConversionError, match=cause):
            export(model, "onnx", tmp_path / "odd.onnx", None, 5)
    answers = one.ops.argmax(one.layers.Dense(3)(rows), -1)
    one.Model(rows, answers).save(model.file)
    assert export(model, "onnx", tmp_path / "odd.onnx", None, 50).agreement.max_difference == 0


def test_an_output_with_an_inputs_name(cnn: Model, tmp_path: Path) -> None:
    """A row's key that is passed on, as people do to find answers again."""
    one = keras()
    key, rows = one.Input((1,), name="key"), one.Input((3,), name="rows")
    model = dataclasses.replace(cnn, name="keyed", folder=tmp_path)
    one.Model([key, rows], {"key": key, "score": one.layers.Dense(2)(rows)}).save(model.file)
    with pytest.raises(ConversionError, match=r"output 'key' has the name of an input.*another \('key_out'\)"):
        export(model, "onnx", tmp_path / "keyed.onnx", None, 5)
    written = export(model, "tflite", tmp_path / "keyed.tflite", None, 5).path
    with pytest.raises(ConversionError, match="output 'key' has the name of an input"):
        folder = tmp_path / "lite"
        folder.mkdir()
        lite = dataclasses.replace(model, folder=folder, format="tflite")
        lite.file.write_bytes(written.read_bytes())
        export(lite, "onnx", tmp_path / "lite.onnx", None, 5)
    one.Model([key, rows], {"key_out": key, "score": one.layers.Dense(2)(rows)}).save(model.file)
    given = np.zeros(4, [("key", "f4", (1,)), ("rows", "f4", (3,))])
    given["key"][:, 0] = range(4)
    named = fields(predict(export(model, "onnx", tmp_path / "keyed.onnx", None, 5).path, given))
    np.testing.assert_array_equal(named["key_out"], given["key"])


@pytest.mark.parametrize("format", ["saved_model", "tflite"])
def test_what_was_written_and_can_not_be_run_is_told_without_where_it_lay(
    cnn: Model, digits: Dataset, tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if format == "saved_model":
        monkeypatch.setattr("lepton_lab.runtime._operations._COMPUTE", frozenset())
    else:
        monkeypatch.setattr("lepton_lab.export._tflite.to_tflite", lambda model: b"nothing")
    with pytest.raises(ConversionError, match=f"'cnn' can't be exported as '{format}', .* run: it ") as caught:
        export(cnn, format, at(tmp_path, format), digits)
    assert ".aside" not in str(caught.value) and not list(tmp_path.iterdir())
