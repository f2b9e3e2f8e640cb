"""Metrics of positions held against scikit-learn's on all positions together, and against formulas by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn

from lepton_lab.errors import InputError
from lepton_lab.evaluate._metrics import measure
from lepton_lab.runtime import MASKED, score
from lepton_lab.types import Target

RANDOM = np.random.default_rng(0)
MASKS = Target("classes", "mask", ("sky", "road", "car"), positions=(6, 5))
TRUTH = RANDOM.integers(-1, 3, (20, 6, 5)).astype(np.int16)


def shares(shape: tuple[int, ...]) -> np.ndarray:
    raw = RANDOM.random(shape)
    return (raw / raw.sum(axis=-1, keepdims=True)).astype(np.float32)


def test_as_scikit_learn_has_them() -> None:
    answers = shares((20, 6, 5, 3))
    found = measure(answers, TRUTH, MASKS)
    known = TRUTH >= 0
    truth, chosen, wide = TRUTH[known], answers.argmax(axis=-1)[known], answers[known].astype(np.float64)
    wide /= wide.sum(axis=-1, keepdims=True)
    assert found.metrics == pytest.approx(
        {
            "accuracy": sklearn.accuracy_score(truth, chosen),
            "loss": sklearn.log_loss(truth, wide),
            "mean_iou": sklearn.jaccard_score(truth, chosen, average="macro"),
            **{
                name: getattr(sklearn, f"{name}_score")(truth, chosen, average="macro")
                for name in ("precision", "recall", "f1")
            },
        },
        rel=1e-5,
    )
    assert found.breakdown is not None
    np.testing.assert_array_equal(found.breakdown.confusion_matrix, sklearn.confusion_matrix(truth, chosen))
    assert any("positions have no class" in note for note in found.notes)
    assert score(answers, TRUTH, "classes") == pytest.approx({k: found.metrics[k] for k in ("accuracy", "loss")})


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = shares((20, 6, 5, 3))
    whole = measure(answers, TRUTH, MASKS)
    monkeypatch.setattr("lepton_lab.evaluate._positions._BLOCK_NUMBERS", 6 * 5 * 3 * 7)
    parts = measure(answers, TRUTH, MASKS)
    assert parts.metrics == pytest.approx(whole.metrics) and parts.breakdown == whole.breakdown


@pytest.mark.parametrize("has_axis", [True, False])
@pytest.mark.parametrize("are_logits", [True, False])
def test_two_classes_by_one_number(has_axis: bool, are_logits: bool) -> None:
    answers = RANDOM.normal(size=(20, 6, 5)) if are_logits else RANDOM.random((20, 6, 5))
    truth = RANDOM.integers(0, 2, (20, 6, 5)).astype(np.int16)
    given = answers[..., None] if has_axis else answers
    found = measure(given, truth, Target("classes", "m", ("no", "yes"), positions=(6, 5)), are_logits=are_logits)
    chosen = answers > (0 if are_logits else 0.5)
    assert found.metrics["accuracy"] == pytest.approx((chosen == truth).mean())
    probable = 1 / (1 + np.exp(-answers)) if are_logits else answers
    expected = -np.where(truth == 1, np.log(probable), np.log(1 - probable)).mean()
    assert found.metrics["loss"] == pytest.approx(expected, rel=1e-4)


def test_masked_steps_count_nothing() -> None:
    target = Target("classes", "tag", ("a", "b"), positions=(4,))
    truth = np.array([[0, 1, 1, 0], [1, 0, 0, 0]], np.int16)
    answers = np.full((2, 4, 2), MASKED, np.float32)
    answers[0, :3] = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]
    answers[1, :1] = [[0.3, 0.7]]
    found = measure(answers, truth, target)
    assert found.metrics["accuracy"] == pytest.approx(3 / 4)
    assert found.metrics["loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.7]).mean(), rel=1e-5)
    numbers = np.where(answers[..., 0] == np.float32(MASKED), np.float32(MASKED), 1.0).astype(np.float32)
    assert score(numbers, np.zeros((2, 4), np.float32), "numbers") == {"mae": 1.0, "mse": 1.0}


def test_labels_of_positions() -> None:
    target = Target("labels", "marks", ("x", "y"), positions=(6, 5))
    truth, answers = RANDOM.integers(0, 2, (20, 6, 5, 2)).astype(np.uint8), RANDOM.random((20, 6, 5, 2))
    found = measure(answers, truth, target)
    assert found.metrics["binary_accuracy"] == pytest.approx(((answers > 0.5) == truth).mean())


@pytest.mark.parametrize("span", [1.0, 255.0])
def test_pictures(span: float) -> None:
    target = Target("numbers", "picture", width=3, positions=(8, 6))
    truth = (RANDOM.random((10, 8, 6, 3)) * span).astype(np.float32)
    answers = truth + RANDOM.normal(size=truth.shape).astype(np.float32) * span / 20
    found = measure(answers, truth, target)
    errors = np.square(answers.astype(np.float64) - truth).reshape(10, -1).mean(axis=1)
    assert found.metrics["psnr"] == pytest.approx((10 * np.log10(span**2 / errors)).mean(), rel=1e-5)
    assert f"psnr is by a range of {span:g}" in found.notes


def test_refused() -> None:
    with pytest.raises(InputError, match="2 numbers a position, but there are 3 classes"):
        measure(shares((20, 6, 5, 2)), TRUTH, MASKS)
    with pytest.raises(InputError, match="No position of these rows has a class"):
        measure(shares((20, 6, 5, 3)), np.full((20, 6, 5), -1, np.int16), MASKS)
