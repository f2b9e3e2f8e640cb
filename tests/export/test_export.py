import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from lepton_lab.errors import ConversionError, InputError, UnknownNameError
from lepton_lab.events import Event, Progress
from lepton_lab.export import FORMATS, export
from lepton_lab.runtime import open_rows, predict
from lepton_lab.types import Dataset, Model
from tests.models_fixture import copy_of, truncate


@pytest.mark.parametrize("format", FORMATS)
class TestEveryFormat:
    def test_the_file_answers_as_the_model(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        to = tmp_path / "new" / "folder" / f"cnn.{format}"
        bundle = export(cnn, format, to, digits)
        rows = open_rows(digits, "test")[0]
        assert np.abs(predict(to, rows) - predict(cnn.file, rows)).max() < 1e-5
        assert bundle.agreement.rows == 256 and bundle.agreement.same_answer == 1.0
        assert (bundle.path, bundle.num_bytes, bundle.format) == (to, to.stat().st_size, format)
        assert bundle.checksum == hashlib.sha256(to.read_bytes()).hexdigest()
        assert sorted(path.name for path in to.parent.iterdir()) == [to.name, to.name + ".json"]

    def test_the_manifest_says_how_to_run_it(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        model = dataclasses.replace(cnn, metrics={"test_accuracy": 0.98})
        bundle = export(model, format, tmp_path / f"cnn.{format}", digits, rows=10)
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
        assert export(mlp, format, tmp_path / f"mlp.{format}", table).agreement.same_answer == 1.0

    def test_training_rows_where_there_is_no_test_split(
        self, format: str, cnn: Model, digits: Dataset, tmp_path: Path
    ) -> None:
        bundle = export(cnn, format, tmp_path / f"cnn.{format}", dataclasses.replace(digits, splits={"train": 1200}))
        assert json.loads(bundle.manifest.read_text())["agreement"]["on"] == "digits/train"

    def test_made_up_rows_where_there_is_no_data_set(self, format: str, cnn: Model, tmp_path: Path) -> None:
        bundle = export(cnn, format, tmp_path / f"cnn.{format}", None, rows=5)
        assert "made up" in json.loads(bundle.manifest.read_text())["agreement"]["on"] and bundle.agreement.rows == 5

    def test_a_second_export_takes_the_place_of_the_first(
        self, format: str, cnn: Model, digits: Dataset, tmp_path: Path
    ) -> None:
        to = tmp_path / f"cnn.{format}"
        to.write_bytes(b"older")
        export(cnn, format, to, digits)
        assert to.stat().st_size > 1000

    def test_a_truncated_model_leaves_nothing(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        model = copy_of(cnn, tmp_path / "cnn")
        truncate(model.file)
        with pytest.raises(InputError, match="can't be loaded"):
            export(model, format, tmp_path / "out" / f"cnn.{format}", digits)
        assert list((tmp_path / "out").iterdir()) == []

    def test_a_folder_as_target(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"is a folder; name a file, such as .*model"):
            export(cnn, format, tmp_path, digits)
        (tmp_path / f"cnn.{format}.json").mkdir()
        with pytest.raises(InputError, match="is a folder"):
            export(cnn, format, tmp_path / f"cnn.{format}", digits)

    def test_a_target_below_a_file(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        events: list[Event] = []
        with pytest.raises(InputError, match=r"can't be written: (Not a directory|File exists)"):
            export(cnn, format, tmp_path / "file" / f"cnn.{format}", digits, report=events.append)
        assert events == []

    def test_a_target_with_another_suffix(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=rf"name it 'cnn.{format}'"):
            export(cnn, format, tmp_path / "cnn.h5", digits)

    def test_no_rows_to_compare(self, format: str, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="rows=0"):
            export(cnn, format, tmp_path / f"cnn.{format}", digits, rows=0)


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
    with pytest.raises(ConversionError, match="export it as 'tflite', or export 'cnn' as 'keras'"):
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
def test_several_inputs_are_refused(mixed: tuple[Model, Dataset], tmp_path: Path, format: str, with_data: bool) -> None:
    model, dataset = mixed
    with pytest.raises(InputError, match="several inputs or outputs, and export takes models with one of each"):
        export(model, format, tmp_path / f"m.{format}", dataset if with_data else None)
    assert list(tmp_path.iterdir()) == []
