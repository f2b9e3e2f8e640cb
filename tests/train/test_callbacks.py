"""Keras's callbacks, and those of one's own, with one rank and with two."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from lepton_lab import forkserver
from lepton_lab.errors import InputError, UserCodeError
from lepton_lab.lab import Lab
from tests.train_fixture import SOFTMAX, same, weights, weights_of

BOTH = pytest.mark.parametrize("strategy", ["single", "multiworker"])


@pytest.fixture(scope="module")
def model(lab: Lab) -> str:
    lab.model.new("watched", data="digits", builder=SOFTMAX)
    return "watched"


@BOTH
class TestOfKeras:
    def test_early_stopping_gives_the_best_weights_back(self, lab: Lab, model: str, strategy: str) -> None:
        best = "EarlyStopping(monitor='val_loss', patience=1, min_delta=100, restore_best_weights=True)"
        run = lab.train(model, "digits", epochs=9, callbacks=best, validation=0.2, strategy=strategy)
        assert (run.state, len(run.history["loss"])) == ("done", 2)
        stopped = weights(lab, model)
        lab.train(model, "digits", epochs=1, validation=0.2, strategy=strategy)
        assert same(stopped, weights(lab, model))

    def test_the_learning_rate_goes_where_a_function_says(self, lab: Lab, model: str, strategy: str) -> None:
        import keras

        tenth = 0.1
        by_epoch = keras.callbacks.LearningRateScheduler(lambda epoch, rate: tenth / (epoch + 1))
        run = lab.train(model, "digits", epochs=2, callbacks=by_epoch, strategy=strategy)
        assert run.history["learning_rate"] == pytest.approx([0.1, 0.05])

    def test_the_learning_rate_falls_on_a_plateau(self, lab: Lab, model: str, strategy: str) -> None:
        falling = "ReduceLROnPlateau(monitor='loss', factor=0.5, patience=1, min_delta=100)"
        run = lab.train(model, "digits", epochs=4, learning_rate=0.008, callbacks=falling, strategy=strategy)
        assert run.history["learning_rate"] == pytest.approx([0.008, 0.008, 0.004, 0.002])

    def test_files_lie_beside_the_notebook(self, lab: Lab, model: str, strategy: str, tmp_path: Path) -> None:
        before = Path.cwd()
        os.chdir(tmp_path)
        try:
            saving = "ModelCheckpoint('saved-{epoch}.keras'), CSVLogger('log.csv')"
            run = lab.train(model, "digits", epochs=2, callbacks=saving, strategy=strategy)
        finally:
            os.chdir(before)
        saved = forkserver.call(f"{__name__}:loaded", {"file": tmp_path / "saved-2.keras"})
        assert same(saved, weights(lab, model))
        assert (tmp_path / "saved-1.keras").is_file()
        lines = (tmp_path / "log.csv").read_text().splitlines()
        assert lines[0].startswith("epoch,accuracy,learning_rate,loss")
        assert float(lines[2].split(",")[3]) == pytest.approx(run.history["loss"][1])

    def test_a_callback_of_ones_own_stops_the_training(self, lab: Lab, model: str, strategy: str) -> None:
        import keras
        import tf_keras

        for library in (keras, tf_keras):

            class Third(library.callbacks.Callback):  # type: ignore[misc,name-defined]  # Keras is untyped
                def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                    assert set(logs) == {"loss", "accuracy", "learning_rate"}
                    self.model.stop_training = epoch == 1

            run = lab.train(model, "digits", epochs=9, callbacks=[Third()], strategy=strategy)
            assert (run.state, len(run.history["loss"])) == ("done", 2)

    def test_one_that_raises_shows_its_own_traceback(self, lab: Lab, model: str, strategy: str) -> None:
        import tf_keras

        class Broken(tf_keras.callbacks.Callback):  # type: ignore[misc]  # tf_keras is untyped
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                raise RuntimeError("this callback is not finished")

        with pytest.raises(UserCodeError, match=r"rank 0 on worker w\d raised RuntimeError: this callback") as caught:
            lab.train(model, "digits", epochs=2, callbacks=Broken(), strategy=strategy)
        assert "test_callbacks.py" in caught.value.user_traceback
        assert caught.value.user_traceback.endswith("RuntimeError: this callback is not finished\n")


def loaded(file: Path) -> list[Any]:
    """The weights of a file that Keras loads with its optimiser."""
    import tf_keras

    tf_keras.models.load_model(file)
    return weights_of(file)


def test_terminate_on_nan(lab: Lab, model: str) -> None:
    run = lab.train(
        model, "digits", epochs=5, optimizer="sgd", learning_rate=1e38, callbacks="TerminateOnNaN", strategy="single"
    )
    assert len(run.history["loss"]) < 5


def test_those_that_can_not_be_used(lab: Lab, model: str) -> None:
    import keras

    class Batches(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            pass

    each_batch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    cases: list[tuple[Any, str]] = [
        (Batches(), "The callback Batches wants on_train_batch_end, but several batches are one call here"),
        (each_batch, "The callback LambdaCallback wants on_train_batch_end"),
        ("ModelCheckpoint('a.keras', save_freq=100)", "wants save_freq=100"),
        ("EarlyStopping", "watches 'val_loss', but the run has loss, accuracy.*--validation 0.1"),
        ("EarlyStopping(monitor='auc')", "watches 'auc', but the run has loss, accuracy, learning_rate"),
        ("EarlyStoping", "no callback 'EarlyStoping': did you mean 'EarlyStopping'"),
        ("EarlyStopping(patient=3)", "The callback EarlyStopping can't be made so: .*patient"),
        ("BackupAndRestore('x')", "can't be used here: a run has checkpoints of its own"),
        ("TensorBoard", "can't be used here: a run's folder has TensorBoard's logs"),
        (lambda epoch: None, "The callback <lambda> is a function: give callbacks of Keras"),
    ]
    before = lab.run.names()
    for callbacks, message in cases:
        with pytest.raises(InputError, match=message) as caught:
            lab.train(model, "digits", callbacks=callbacks)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="sets the learning rate, which follows a schedule"):
        falling = "ReduceLROnPlateau(monitor='loss')"
        lab.train(model, "digits", learning_rate="CosineDecay(0.1, 20)", callbacks=falling)
    assert lab.run.names() == before
