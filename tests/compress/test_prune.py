import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.compress._cluster import Clustering
from lepton_lab.compress._hook import Hook
from lepton_lab.compress._kernels import plan_kernels
from lepton_lab.compress._prune import Pruning, check_sparsity, smallest_of_each, smallest_to_zero, span
from lepton_lab.errors import ConversionError, InputError, UnknownNameError
from lepton_lab.runtime import import_keras3, load_keras, open_rows, score
from lepton_lab.types import Dataset, Model
from tests.compress.loop import train, tuned
from tests.models_fixture import keras


@pytest.mark.parametrize("sparsity", [0.5, 0.8])
def test_a_pruned_model_has_its_zeros_and_its_accuracy(cnn: Model, digits: Dataset, sparsity: float) -> None:
    model, hook = load_keras(cnn.file), Pruning(sparsity)
    before = [weight.copy() for weight in model.get_weights()]
    prepared = hook.prepare(model, 100)
    assert all(np.array_equal(a, b) for a, b in zip(before, prepared.get_weights(), strict=True))
    train(prepared, hook, digits, 100)
    finished = hook.finish(prepared)
    kernels = [weight for weight in finished.get_weights() if weight.ndim > 1]
    expected = [round(kernel.size * sparsity) if kernel.size >= 1000 else 0 for kernel in kernels]
    assert [int((kernel == 0).sum()) for kernel in kernels] == expected
    x, y = open_rows(digits, "test")
    assert score(finished(np.asarray(x, np.float32)).numpy(), y, "classes")["accuracy"] > 0.95
    told = dict(hook.report(finished))
    assert told["dense"] == f"{100 * sparsity:.1f} % zeros"
    assert told["rescaling"] == "Rescaling has no weights"


def test_the_result_is_a_plain_model(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    model, hook = load_keras(cnn.file), Pruning(0.8)
    prepared = hook.prepare(model, 10)
    train(prepared, hook, digits, 10)
    hook.finish(prepared).save(tmp_path / "model.keras")
    again = load_keras(tmp_path / "model.keras")
    assert [type(layer).__name__ for layer in again.layers] == [type(layer).__name__ for layer in model.layers]
    assert dict(hook.report(again))["dense"] == "80.0 % zeros"


def test_the_outcome_is_that_of_tfmots_wrappers(cnn: Model, digits: Dataset) -> None:
    from tensorflow_model_optimization.sparsity import keras as tfmot

    steps = 20
    ours, hook = load_keras(cnn.file), Pruning(0.8)
    train(hook.prepare(ours, steps), hook, digits, steps)
    hook.finish(ours)

    plan = {**span(steps), "begin_step": 1, "end_step": span(steps)["end_step"] + 1}  # a wrapper counts from 1
    schedule = tfmot.PolynomialDecay(0.0, 0.8, **plan)
    model = load_keras(cnn.file)
    chosen = {name for name, reason in plan_kernels(model, "pruned") if not reason}

    def wrap(layer: Any) -> Any:
        return tfmot.prune_low_magnitude(layer, schedule) if layer.name in chosen else layer

    wrapped = keras().models.clone_model(model, clone_function=wrap)
    wrappers = [layer for layer in wrapped.layers if hasattr(layer, "pruning_vars")]
    for wrapper in wrappers:
        wrapper.pruning_step.assign(0)
    untouched = Hook()
    train(wrapped, untouched, digits, steps)
    for wrapper in wrappers:
        for kernel, mask, _ in wrapper.pruning_vars:
            theirs = kernel.numpy() * mask.numpy()
            np.testing.assert_allclose(ours.get_layer(wrapper.layer.name).kernel.numpy(), theirs, atol=1e-4)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_few_steps_still_end_with_the_zeros_asked_for(cnn: Model, digits: Dataset, steps: int) -> None:
    model, hook = load_keras(cnn.file), Pruning(0.8)
    train(hook.prepare(model, steps), hook, digits, steps)
    assert dict(hook.report(hook.finish(model)))["dense"] == "80.0 % zeros"


def test_a_training_that_was_stopped_early(cnn: Model, digits: Dataset) -> None:
    model, hook = load_keras(cnn.file), Pruning(0.8)
    train(hook.prepare(model, 1000), hook, digits, 5)
    assert dict(hook.report(hook.finish(model)))["dense"] == "80.0 % zeros"


@pytest.mark.parametrize(("schedule", "shares"), [("polynomial", 30), ("constant", 1)])
def test_zeros_grow_by_the_schedule(cnn: Model, schedule: str, shares: int) -> None:
    model, hook = load_keras(cnn.file), Pruning(0.8, schedule)
    hook.prepare(model, 400)
    found = []
    for step in range(400):
        hook.before_step(step)
        found.append(float((model.get_layer("dense").kernel.numpy() == 0).mean()))
    assert found[-1] == pytest.approx(0.8, abs=1e-3)
    assert found == sorted(found) and shares <= len(set(found)) <= 42
    assert len(set(found[300:])) == 1  # the last quarter changes no mask


@pytest.mark.parametrize("pattern", ["2:4", "4:8", "1:3"])
def test_m_zeros_in_each_n_weights(cnn: Model, digits: Dataset, pattern: str) -> None:
    zeros, block = map(int, pattern.split(":"))
    model = tuned(load_keras(cnn.file), Pruning(m_by_n=pattern), digits, 40)
    kernels = [weight for weight in model.get_weights() if weight.size >= 1000]
    for kernel in kernels:
        by_output = np.moveaxis(kernel, -1, 0).reshape(kernel.shape[-1], -1)
        whole = by_output[:, : by_output.shape[1] // block * block].reshape(-1, block)
        assert ((whole == 0).sum(axis=1) == zeros).all()
    assert len(kernels) == 2


@pytest.mark.parametrize("shape", [(64, 10), (3, 3, 8, 4)])
def test_the_pattern_is_that_of_tfmot(shape: tuple[int, ...]) -> None:
    import tensorflow as tf
    from tensorflow_model_optimization.python.core.sparsity.keras.pruning_utils import is_pruned_m_by_n

    values = np.random.default_rng(0).normal(size=shape).astype("float32")
    mask = smallest_of_each(values, 2, 4)
    assert is_pruned_m_by_n(tf.constant(values * mask), (2, 4)) and mask.mean() == 0.5


def test_weights_left_over_at_the_end_of_an_input() -> None:
    assert smallest_of_each(np.arange(1, 7, dtype="float32")[:, None], 2, 4).ravel().tolist() == [0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize("pattern", ["4:2", "2:2", "0:4", "two", "2/4"])
def test_a_pattern_that_can_not_be(pattern: str) -> None:
    with pytest.raises(InputError, match="zeros in each so many weights, such as '2:4'"):
        Pruning(m_by_n=pattern)


def test_two_ranks_end_with_the_same_zeros(cnn: Model, digits: Dataset, tmp_path: Path) -> None:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    ranks, train = [], digits.folder / "train"
    for rank in range(2):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": rank}}
        with (tmp_path / f"log{rank}").open("wb") as log:
            ranks.append(
                subprocess.Popen(
                    [
                        sys.executable,
                        str(Path(__file__).with_name("mwms_rank.py")),
                        str(cnn.file),
                        str(train / "x.npy"),
                        str(train / "y.npy"),
                        str(tmp_path / f"{rank}.json"),
                    ],
                    env={**os.environ, "TF_CONFIG": json.dumps(config), "PYTHONPATH": os.pathsep.join(sys.path)},
                    stdout=log,
                    stderr=log,
                )
            )
    try:
        codes = [rank.wait(timeout=90) for rank in ranks]
    finally:
        for process in ranks:
            process.kill()
            process.wait()
    assert codes == [0, 0], (tmp_path / "log0").read_text()[-2000:]
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert first["sums"] == second["sums"]
    assert dict(map(tuple, first["report"]))["dense"] == "80.0 % zeros" and first["accuracy"] > 0.9


@pytest.mark.parametrize("sparsity", [0.0, 1.0, -0.1, 80, float("nan")])
def test_sparsity_is_between_zero_and_one(sparsity: float) -> None:
    with pytest.raises(InputError, match="give a share between 0 and 1"):
        check_sparsity(sparsity)
    with pytest.raises(InputError, match="sparsity="):
        Pruning(sparsity)


def test_a_training_without_steps(cnn: Model) -> None:
    with pytest.raises(InputError, match="at least 1 training step"):
        Pruning(0.8).prepare(load_keras(cnn.file), 0)


def test_an_unknown_schedule() -> None:
    with pytest.raises(UnknownNameError, match="no schedule 'linear'"):
        Pruning(schedule="linear")


def test_a_model_without_kernels_lists_its_layers() -> None:
    layers = keras().layers
    inputs = layers.Input((4,), name="rows")
    model = keras().Model(inputs, layers.BatchNormalization(name="norm")(layers.Rescaling(0.5, name="scale")(inputs)))
    with pytest.raises(ConversionError, match=r"scale: Rescaling has no weights; norm: BatchNorm.* has no kernel"):
        plan_kernels(model, "pruned")


def test_why_layers_are_left_alone() -> None:
    layers = keras().layers
    inputs = layers.Input((8, 8, 1), name="rows")
    inner = keras().Sequential([layers.Dense(4, name="few"), layers.Dense(600, name="deep")], name="inner")
    outputs = layers.DepthwiseConv2D(3, name="depth")(inputs)
    outputs = layers.Conv2D(4, 3, name="frozen", trainable=False)(outputs)
    model = keras().Model(
        inputs, layers.Dense(2, name="last")(layers.Dense(400, name="wide")(inner(layers.Flatten()(outputs))))
    )
    told = ("depth", "frozen", "inner/few", "inner/deep", "wide", "last")
    assert {name: reason for name, reason in plan_kernels(model, "pruned") if name in told} == {
        "depth": "DepthwiseConv2D has no kernel that can be pruned",
        "frozen": "Conv2D is frozen",
        "inner/few": "Dense has only 256 weights: to change them would cost accuracy and save little",
        "inner/deep": "",
        "wide": "",
        "last": "Dense has only 800 weights: to change them would cost accuracy and save little",
    }
    assert plan_kernels(model, "pruned") == plan_kernels(model, "pruned")


@pytest.mark.parametrize("library", ["tf_keras", "keras"])
@pytest.mark.parametrize("technique", ["prune", "cluster"])
def test_models_inside_the_model(library: str, technique: str) -> None:
    one = import_keras3() if library == "keras" else keras()
    base = one.Sequential([one.Input((20,)), one.layers.Dense(60, name="first"), one.layers.Dense(20)], name="base")
    tower = one.Sequential([one.Input((20,)), base], name="tower")
    rows = one.Input((20,), name="rows")
    model = one.Model(rows, one.layers.Dense(2, name="last")(tower(tower(rows))))
    hook = Pruning(0.75) if technique == "prune" else Clustering(8)
    hook.prepare(model, 8)
    for step in range(8):
        hook.before_step(step)
    hook.finish(model)
    kernel = np.asarray(base.get_layer("first").get_weights()[0])
    assert (kernel == 0).mean() == 0.75 if technique == "prune" else len(np.unique(kernel)) == 8
    told = dict(hook.report(model))
    assert told["tower/base/first"] == ("75.0 % zeros" if technique == "prune" else "8 values")
    assert told["last"] == "Dense has only 40 weights: to change them would cost accuracy and save little"


def test_the_smallest_go_first() -> None:
    values = np.array([[3.0, -0.1], [0.2, -4.0]], np.float32)
    assert smallest_to_zero(values, 0.5).tolist() == [[1, 0], [0, 1]]
    assert smallest_to_zero(values, 0.0).tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("steps", [1, 2, 7, 76, 1000, 123_456])
def test_the_schedule_ends_on_a_turn_within_the_training(steps: int) -> None:
    plan = span(steps)
    assert plan["end_step"] % plan["frequency"] == 0 and 1 <= plan["end_step"] <= max(1, steps * 3 // 4)
