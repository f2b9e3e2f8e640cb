import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from lepton_lab.compress import inspect_layers, quantize
from lepton_lab.compress._cluster import Clustering
from lepton_lab.compress._prune import Pruning
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.events import Event, Progress
from lepton_lab.runtime import load_keras, open_rows
from lepton_lab.types import Dataset, LayerFigures, LayerReport, Model
from tests.compress.loop import aware, tuned
from tests.models_fixture import copy_of, keras, make_of_zoo, make_quantised, quantised, truncate, write_split

BITS = {"int8": (8, 8), "int4": (4, 32), "int16x8": (8, 16), "dynamic": (8, 32), "float16": (16, 32)}


@pytest.fixture(scope="module")
def files() -> dict[str, Model]:
    """The CNN by several schemes."""
    return {scheme: make_quantised(scheme).model for scheme in BITS}


@pytest.fixture(scope="module")
def reports(files: dict[str, Model], cnn: Model, digits: Dataset) -> dict[str, LayerReport]:
    return {scheme: inspect_layers(model, cnn, digits) for scheme, model in files.items()}


def saved(model: object, like: Model, folder: Path) -> Model:
    folder.mkdir()
    model.save(folder / "model.keras")  # type: ignore[attr-defined]
    return dataclasses.replace(like, folder=folder, name=folder.name, stage=folder.name, parent=like.name)


def by_name(report: LayerReport) -> dict[str, LayerFigures]:
    return {layer.name: layer for layer in report.layers}


class TestFiles:
    @pytest.mark.parametrize("scheme", BITS)
    def test_every_layer_has_its_figures(self, reports: dict[str, LayerReport], scheme: str) -> None:
        report = reports[scheme]
        names = ["conv2d", "conv2d_1", "dense", "dense_1"]
        assert [layer.name for layer in report.layers] == names
        assert [layer.kind for layer in report.layers] == ["CONV_2D", "CONV_2D", "FULLY_CONNECTED", "FULLY_CONNECTED"]
        assert {(layer.weight_bits, layer.activation_bits) for layer in report.layers} == {BITS[scheme]}
        dense = report.layers[2]
        assert dense.shapes == ((64, 512),) and dense.num_weights == 64 * 512
        bias = {"int16x8": 8}.get(scheme, 4)
        assert dense.raw_bytes == dense.num_weights * BITS[scheme][0] // 8 + bias * 64
        assert dense.num_values <= 2 ** min(BITS[scheme][0], 14)
        assert sum(layer.raw_bytes for layer in report.layers) < report.raw_bytes
        assert all(layer.sqnr and 5 < layer.sqnr < 120 and layer.max_error for layer in report.layers)
        assert (report.against, report.source, report.num_rows) == ("cnn", "digits/train", 256)

    @pytest.mark.parametrize("layer", range(4))
    def test_more_bits_make_a_smaller_error(self, reports: dict[str, LayerReport], layer: int) -> None:
        found = [reports[scheme].layers[layer].sqnr for scheme in ("int4", "int8", "int16x8", "float16")]
        assert found == sorted(found, key=float) and found[1] - found[0] > 12  # type: ignore[operator]

    def test_the_whole_file(self, reports: dict[str, LayerReport], files: dict[str, Model]) -> None:
        assert reports["int8"].raw_bytes == files["int8"].file.stat().st_size
        assert reports["int4"].sqnr < reports["int8"].sqnr < reports["float16"].sqnr  # type: ignore[operator]
        assert reports["int8"].max_error < 0.05  # type: ignore[operator]

    def test_the_same_seed_gives_the_same_errors(self, files: dict[str, Model], cnn: Model, digits: Dataset) -> None:
        found = [inspect_layers(files["int8"], cnn, digits, seed=seed).layers for seed in (3, 3, 4)]
        assert found[0] == found[1] != found[2]

    def test_two_files_can_be_compared(self, files: dict[str, Model], digits: Dataset) -> None:
        report = inspect_layers(files["dynamic"], files["float16"], digits)
        assert all(layer.sqnr and 20 < layer.sqnr < 60 for layer in report.layers)

    def test_alone(self, files: dict[str, Model]) -> None:
        report = inspect_layers(files["int8"])
        assert [layer.sqnr for layer in report.layers] == [None] * 4 and report.sqnr is None
        assert report.layers[2].num_weights == 64 * 512 and "SQNR" not in str(report)


class TestTechniques:
    def test_zeros_of_a_pruned_model(self, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        model = saved(tuned(load_keras(cnn.file), Pruning(0.8), digits, 30), cnn, tmp_path / "pruned")
        report = inspect_layers(model, cnn, digits)
        found = by_name(report)
        assert [round(found[name].sparsity, 3) for name in ("conv2d", "conv2d_1", "dense")] == [0.0, 0.8, 0.8]
        assert found["dense"].gzip_bytes < 0.4 * found["dense"].raw_bytes
        assert found["dense"].kind == "Dense" and found["dense"].shapes == ((512, 64),)
        assert 0 < found["dense"].sqnr < 60  # type: ignore[operator]
        assert "what a training changed counts as an error too" in str(report)

    def test_clusters_and_what_becomes_of_them(self, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        model = saved(tuned(load_keras(cnn.file), Clustering(8), digits, 30), cnn, tmp_path / "clustered")
        found = by_name(inspect_layers(model))
        assert found["dense"].num_values <= 8 < found["conv2d"].num_values
        small = quantize(model, quantised(model, "dynamic", tmp_path / "small"), digits, "dynamic").model
        report = inspect_layers(small, model, digits)
        assert "training" not in str(report) and by_name(report)["dense"].sqnr > 30  # type: ignore[operator]

    def test_a_model_trained_for_int8(self, digits: Dataset, tmp_path: Path) -> None:
        source = make_of_zoo("skip")
        model = load_keras(source.file)
        hook = aware(model)
        learnt = tuned(model, hook, digits, 20)
        model = quantised(source, "qat", tmp_path / "qat")
        model.folder.mkdir()
        model.file.write_bytes(hook.to_tflite(load_keras(source.file), learnt.get_weights()))
        report = inspect_layers(model, source, digits)
        assert {(layer.weight_bits, layer.activation_bits) for layer in report.layers} == {(8, 8)}
        assert all(layer.sqnr is not None and not layer.note for layer in report.layers)
        assert all("quant" not in layer.name for layer in report.layers)


class TestZoo:
    def test_against_itself_nothing_differs(self, of_zoo: Model, digits: Dataset) -> None:
        report = inspect_layers(of_zoo, of_zoo, digits)
        assert report.sqnr == math.inf and report.max_error == 0
        compared = [layer for layer in report.layers if not layer.note]
        assert compared and {layer.sqnr for layer in compared} == {math.inf}
        assert "exact" in str(report) and "training" not in str(report)
        others = {layer.kind: layer.note for layer in report.layers if layer.note}
        assert set(others) <= {"BatchNormalization"}

    def test_operations_that_several_layers_became(self, digits: Dataset, tmp_path: Path) -> None:
        source = make_of_zoo("depthwise")
        whole = by_name(inspect_layers(source, source, digits))
        assert whole["depthwise_norm"].note == "computed with depthwise" and whole["depthwise_norm"].sqnr is None
        model = quantize(source, quantised(source, "int8", tmp_path / "q"), digits).model
        found = inspect_layers(model, source, digits).layers
        first, second = (layer.name.split(" + ") for layer in found[:2])
        assert first[:2] == ["stem", "stem_norm"] and second[:2] == ["depthwise", "depthwise_norm"]
        assert found[1].kind == "DEPTHWISE_CONV_2D" and found[1].shapes == ((1, 3, 3, 24),)
        assert all(layer.sqnr and layer.sqnr > 20 for layer in found)

    def test_another_architecture_has_no_counterparts(self, digits: Dataset) -> None:
        report = inspect_layers(make_of_zoo("mlp"), make_of_zoo("skip"), digits)
        found = by_name(report)
        assert found["dense_1"].note == "no counterpart in skip" and found["dense_1"].sqnr is None
        assert report.sqnr is not None and "dense_1: no counterpart in skip" in str(report)

    def test_numbers(self, mlp: Model, table: Dataset, tmp_path: Path) -> None:
        model = quantize(mlp, quantised(mlp, "int8", tmp_path / "q"), table).model
        report = inspect_layers(model, mlp, table)
        assert all(layer.sqnr is not None and layer.sqnr > 15 for layer in report.layers)
        assert report.layers[0].name == "normalization" and report.layers[0].shapes == ((1, 3),)
        learnt = keras().layers.Normalization(name="learnt")
        learnt.adapt(np.asarray(open_rows(table, "train")[0]))
        model = saved(keras().Sequential([keras().Input((3,)), learnt]), mlp, tmp_path / "plain")
        (layer,) = inspect_layers(dataclasses.replace(model, output_shape=(3,))).layers
        assert layer.kind == "Normalization" and layer.shapes == ((3,), (3,)) and layer.num_weights == 6

    def test_weights_that_every_step_in_time_reads(self, digits: Dataset, tmp_path: Path) -> None:
        source = make_of_zoo("lstm")
        model = quantize(source, quantised(source, "dynamic", tmp_path / "q"), digits, "dynamic").model
        report = inspect_layers(model, source, digits)
        assert sorted(layer.num_weights for layer in report.layers) == [192, 480, 8 * 192, 48 * 192]
        assert all(layer.sqnr and layer.sqnr > 20 for layer in report.layers)
        whole = by_name(inspect_layers(source))["lstm"]
        assert whole.shapes == ((8, 192), (48, 192)) and whole.num_weights == 56 * 192


class TestNodeData:
    def test_as_model_explorer_reads_it(
        self, files: dict[str, Model], reports: dict[str, LayerReport], cnn: Model, digits: Dataset, tmp_path: Path
    ) -> None:
        report = inspect_layers(files["int8"], cnn, digits, tmp_path / "nodes.json")
        found = json.loads((tmp_path / "nodes.json").read_text(), parse_constant=pytest.fail)
        assert set(found) == {"results", "thresholds"} and report.path == tmp_path / "nodes.json"
        assert all(set(node) == {"value"} and isinstance(node["value"], float) for node in found["results"].values())
        assert [set(limit) for limit in found["thresholds"]] == [{"value", "bgColor"}] * len(found["thresholds"])
        (dense,) = [node["value"] for name, node in found["results"].items() if "/dense/" in name]
        assert dense == round(reports["int8"].layers[2].sqnr or 0, 2)
        assert len(found["results"]) > len(report.layers)
        assert "netron.app" in str(report) and "model-explorer" in str(report)
        assert [path.name for path in tmp_path.iterdir()] == ["nodes.json"]

    def test_what_is_exact_is_a_number_too(self, cnn: Model, digits: Dataset, tmp_path: Path) -> None:
        inspect_layers(cnn, cnn, digits, tmp_path / "nodes.json")
        found = json.loads((tmp_path / "nodes.json").read_text(), parse_constant=pytest.fail)
        assert {node["value"] for node in found["results"].values()} == {found["thresholds"][-1]["value"]}


class TestBadInput:
    @pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
    def test_a_truncated_file(
        self, files: dict[str, Model], cnn: Model, digits: Dataset, tmp_path: Path, share: float
    ) -> None:
        model = copy_of(files["int8"], tmp_path / "int8")
        truncate(model.file, share)
        with pytest.raises(InputError, match="make it again"):
            inspect_layers(model, cnn, digits, tmp_path / "nodes.json")
        assert not (tmp_path / "nodes.json").exists()

    def test_a_truncated_float_model(
        self, files: dict[str, Model], cnn: Model, digits: Dataset, tmp_path: Path
    ) -> None:
        source = copy_of(cnn, tmp_path / "cnn")
        truncate(source.file)
        with pytest.raises(InputError, match="can't be loaded as a Keras model"):
            inspect_layers(files["int8"], source, digits, tmp_path / "nodes.json")
        assert not (tmp_path / "nodes.json").exists()

    def test_a_file_that_is_gone(self, files: dict[str, Model], tmp_path: Path) -> None:
        with pytest.raises(InputError, match="is missing; make the model again"):
            inspect_layers(dataclasses.replace(files["int8"], folder=tmp_path))

    def test_other_rows(self, files: dict[str, Model], cnn: Model, table: Dataset) -> None:
        with pytest.raises(InputError, match="takes rows of shape"):
            inspect_layers(files["int8"], cnn, table)

    def test_a_format_without_layers(self, cnn: Model) -> None:
        with pytest.raises(InputError, match="is a onnx model: layers are told of Keras"):
            inspect_layers(dataclasses.replace(cnn, format="onnx"))

    def test_without_a_training_split(self, files: dict[str, Model], cnn: Model, digits: Dataset) -> None:
        with pytest.raises(UnknownNameError, match="no split 'train'"):
            inspect_layers(files["int8"], cnn, dataclasses.replace(digits, splits={"test": 597}))


def test_several_inputs_and_outputs(mixed: tuple[Model, Dataset], mixed_int8: Model) -> None:
    found = inspect_layers(mixed_int8, *mixed)
    errors = {layer.name: layer.sqnr for layer in found.layers}
    assert errors["dense"] == errors["price"] == np.inf and all(20 < errors[name] < 80 for name in ("kind", "tags"))
    assert found.sqnr is not None and found.sqnr > 30
    assert [layer.name for layer in inspect_layers(mixed[0]).layers] == ["dense", "dense_1", "tags", "kind", "price"]


def test_the_test_split_is_not_looked_at(
    files: dict[str, Model], reports: dict[str, LayerReport], cnn: Model, digits: Dataset, tmp_path: Path
) -> None:
    x, y = (np.load(digits.folder / "train" / f"{part}.npy") for part in "xy")
    write_split(tmp_path / "train", x, y)
    alone = dataclasses.replace(digits, folder=tmp_path, splits={"train": 1200})
    assert inspect_layers(files["int8"], cnn, alone).layers == reports["int8"].layers


def test_progress_is_told(files: dict[str, Model], cnn: Model, digits: Dataset) -> None:
    events: list[Event] = []
    inspect_layers(files["int8"], cnn, digits, report=events.append)
    told = [event for event in events if isinstance(event, Progress)]
    fractions = [event.fraction for event in told if event.fraction is not None]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
