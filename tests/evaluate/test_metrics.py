"""Metrics held against scikit-learn's own, and against what is counted by hand."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from sklearn import metrics as sklearn

from lepton_lab.evaluate._metrics import Measured, measure
from lepton_lab.types import Target

ABC = Target("classes", "letter", ("a", "b", "c"))
NO_YES = Target("classes", "answer", ("no", "yes"))
TAGS = Target("labels", "tags", ("x", "y", "z"))


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def softmax_answers(targets: np.ndarray, num_classes: int, seed: int = 0, skill: float = 1.0) -> np.ndarray:
    """Probabilities that are right more often than not."""
    logits = np.random.default_rng(seed).normal(size=(len(targets), num_classes))
    logits[np.arange(len(targets)), targets] += skill
    shares = np.exp(logits)
    return (shares / shares.sum(axis=1, keepdims=True)).astype("float32")


def test_classes_as_scikit_learn_has_them() -> None:
    targets = np.random.default_rng(1).integers(0, 3, 500)
    answers = softmax_answers(targets, 3)
    found = measure(answers, targets, ABC)
    chosen, wide = answers.argmax(axis=1), answers.astype("float64")
    wide /= wide.sum(axis=1, keepdims=True)  # scikit-learn wants the sum of 1 that float32 does not quite give
    each = sklearn.precision_recall_fscore_support(targets, chosen)
    expected = {
        "accuracy": sklearn.accuracy_score(targets, chosen),
        "loss": sklearn.log_loss(targets, wide),
        "auc": sklearn.roc_auc_score(targets, wide, multi_class="ovr"),
        **dict(zip(("precision", "recall", "f1"), (part.mean() for part in each), strict=False)),
        "brier": np.square(answers - np.eye(3)[targets]).sum(axis=1).mean(),
    }
    for name, value in expected.items():
        assert found.metrics[name] == pytest.approx(value, rel=1e-5), name
    assert found.breakdown is not None and found.notes == ()
    for n, score in enumerate(found.breakdown.classes):
        assert (score.name, score.rows) == ("abc"[n], each[3][n])
        assert (score.precision, score.recall, score.f1) == pytest.approx([part[n] for part in each[:3]])
        assert score.auc == pytest.approx(sklearn.roc_auc_score(targets == n, answers[:, n]))
    assert (found.breakdown.confusion_matrix == sklearn.confusion_matrix(targets, chosen)).all()


@pytest.mark.parametrize("columns", [1, 2])
def test_two_classes_by_one_number_or_by_two(columns: int) -> None:
    targets = np.random.default_rng(1).integers(0, 2, 400)
    both = softmax_answers(targets, 2).astype("float64")
    found = measure(both if columns == 2 else both[:, 1:], targets, NO_YES)
    assert found.metrics["auc"] == pytest.approx(sklearn.roc_auc_score(targets, both[:, 1]))
    assert found.metrics["brier"] == pytest.approx(sklearn.brier_score_loss(targets, both[:, 1]))
    assert found.metrics["f1"] == pytest.approx(sklearn.f1_score(targets, both.argmax(axis=1), average="macro"))
    assert found.breakdown is not None and len(found.breakdown.classes) == 2
    false, true, _ = sklearn.roc_curve(targets, both[:, 1])
    drawn = np.array(found.breakdown.roc[1:])
    assert drawn[:, 1] == pytest.approx(np.interp(drawn[:, 0], false, true), abs=1e-4)


def test_the_curve_of_two_labels_is_of_both() -> None:
    random = np.random.default_rng(0)
    targets = (random.random((300, 2)) < 0.5).astype("uint8")
    answers = np.stack([random.random(300), 0.1 + 0.8 * targets[:, 1]], axis=1)  # one is guessed, the other is known
    found = measure(answers, targets, Target("labels", classes=("a", "b")))
    assert found.breakdown is not None
    across, upwards = np.array(found.breakdown.roc).T
    assert np.trapezoid(upwards, across) == pytest.approx(found.metrics["auc"], abs=0.01)
    assert 0.7 < found.metrics["auc"] < 0.8


def test_labels_as_scikit_learn_has_them() -> None:
    random = np.random.default_rng(0)
    targets = (random.random((300, 3)) < [0.2, 0.5, 0.8]).astype("uint8")
    answers = np.clip(targets * 0.3 + random.random((300, 3)) * 0.7, 0, 1)
    found = measure(answers, targets, TAGS)
    chosen = answers > 0.5
    each = sklearn.precision_recall_fscore_support(targets, chosen)
    assert found.metrics["auc"] == pytest.approx(sklearn.roc_auc_score(targets, answers))
    assert [found.metrics[name] for name in ("precision", "recall", "f1")] == pytest.approx(
        [part.mean() for part in each[:3]]
    )
    expected = np.mean([sklearn.brier_score_loss(targets[:, n], answers[:, n]) for n in range(3)])
    assert found.metrics["brier"] == pytest.approx(expected)
    assert found.breakdown is not None and found.breakdown.confusion == ()
    assert [score.rows for score in found.breakdown.classes] == targets.sum(axis=0).tolist()
    assert sum(part.rows for part in found.breakdown.calibration) == 900


def test_a_single_label() -> None:
    targets = np.array([0, 1, 1, 0], "uint8")
    found = measure(np.array([[0.1], [0.9], [0.4], [0.2]]), targets, Target("labels", "t", ("x",)))
    assert [found.metrics[name] for name in ("precision", "recall", "auc")] == [1.0, 0.5, 1.0]


@pytest.mark.parametrize("width", [1, 3])
def test_numbers_as_scikit_learn_has_them(width: int) -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=(101, width)).astype("float32")
    answers = truth + random.normal(0, 0.3, truth.shape)
    found = measure(answers, truth[:, 0] if width == 1 else truth, Target("numbers", width=width))
    assert found.metrics == pytest.approx(
        {
            "mae": sklearn.mean_absolute_error(truth, answers),
            "mse": sklearn.mean_squared_error(truth, answers),
            "rmse": sklearn.mean_squared_error(truth, answers) ** 0.5,
            "r2": sklearn.r2_score(truth, answers),
            "median_absolute_error": sklearn.median_absolute_error(truth, answers),
        },
        rel=1e-5,
    )
    assert found.breakdown is None and found.notes == ()


def test_numbers_that_are_all_the_same() -> None:
    truth = np.stack([np.arange(4.0), np.ones(4)], axis=1)
    some = measure(truth + 0.5, truth, Target("numbers", width=2))
    assert some.metrics["r2"] == pytest.approx(1 - 0.25 / 1.25) and "of the other 1 numbers" in some.notes[0]
    none = measure(np.ones((4, 1)), np.ones(4), Target("numbers"))
    assert "r2" not in none.metrics and "it is left out" in none.notes[0] and none.metrics["mae"] == 0
    assert "r2" not in measure(np.ones((1, 1)), np.zeros(1), Target("numbers")).metrics


def test_calibration_by_hand() -> None:
    # Four rows 90 % sure, three right; two rows 60 % sure, one right: 4/6 * 0.15 + 2/6 * 0.1.
    sure, unsure = [0.9, 0.05, 0.05], [0.6, 0.2, 0.2]
    found = measure(np.array([sure] * 4 + [unsure] * 2), np.array([0, 0, 0, 1, 0, 2]), ABC)
    assert found.metrics["calibration_error"] == pytest.approx(4 / 6 * 0.15 + 2 / 6 * 0.1)
    assert found.breakdown is not None
    assert [(part.rows, part.share) for part in found.breakdown.calibration] == [(2, 0.5), (4, 0.75)]


def test_calibration_of_answers_that_are_as_sure_as_they_should_be() -> None:
    random = np.random.default_rng(0)
    answers = random.dirichlet([0.5] * 3, 20_000)
    targets = (random.random((20_000, 1)) > answers.cumsum(axis=1)).sum(axis=1)
    honest = measure(answers, targets, ABC).metrics["calibration_error"]
    boasting = measure(answers**3 / (answers**3).sum(axis=1, keepdims=True), targets, ABC).metrics["calibration_error"]
    assert honest < 0.015 < 0.1 < boasting  # by chance a bin of 1,300 rows is off by about 0.01


def test_a_class_that_no_row_has() -> None:
    answers = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.7, 0.2, 0.1]])
    found = measure(answers, np.array([0, 1, 1, 0]), ABC)
    assert found.breakdown is not None
    absent = found.breakdown.classes[2]
    assert (absent.rows, absent.precision, absent.recall, absent.f1, absent.auc) == (0, 0.0, None, None, None)
    assert found.notes == ("no row has the class c: means are of the others",)
    # Of a: precision, recall 1; of b: precision 1, recall 1/2; nothing of c.
    assert (found.metrics["precision"], found.metrics["recall"]) == (1.0, 0.75)
    assert found.metrics["auc"] == pytest.approx((1 + 2.5 / 4) / 2)


def test_many_classes_that_no_row_has() -> None:
    target = Target("classes", classes=tuple(f"c{n}" for n in range(9)))
    found = measure(softmax_answers(np.array([0, 1]), 9), np.array([0, 1]), target)
    assert found.notes == ("no row has the class c2, c3, c4, c5, c6 and 2 more: means are of the others",)


def test_rows_of_one_class_only() -> None:
    found = measure(softmax_answers(np.array([1] * 20), 3), np.array([1] * 20), ABC)
    assert "auc" not in found.metrics and found.metrics["recall"] == found.metrics["accuracy"]
    assert "no row has the class a, c: means are of the others" in found.notes
    assert any(note.startswith("auc is left out") for note in found.notes)
    assert found.breakdown is not None and found.breakdown.roc == ()


def test_a_single_row() -> None:
    found = measure(np.array([[0.2, 0.7, 0.1]]), np.array([1]), ABC)
    assert found.metrics["accuracy"] == 1 and found.metrics["calibration_error"] == pytest.approx(0.3)


def test_no_label_is_ever_true() -> None:
    found = measure(np.full((5, 3), 0.2), np.zeros((5, 3), "uint8"), TAGS)
    assert set(found.metrics) == {"binary_accuracy", "exact_match", "loss", "brier", "calibration_error"}
    assert "no row has the label x, y, z: means are of the others" in found.notes


def test_answers_that_are_no_probabilities() -> None:
    targets = np.random.default_rng(0).integers(0, 3, 50)
    found = measure(softmax_answers(targets, 3) * 12 - 3, targets, ABC)
    assert not {"brier", "calibration_error"} & set(found.metrics) and found.metrics["auc"] > 0.5
    assert "the answers go from" in found.notes[0] and "softmax or sigmoid" in found.notes[0]
    assert found.breakdown is not None and found.breakdown.calibration == ()


def test_a_quantised_probability_a_little_above_one() -> None:
    found: Measured = measure(np.array([[1.0005, 0.0], [0.0, 1.0]]), np.array([0, 1]), NO_YES)
    assert found.notes == () and found.metrics["calibration_error"] < 1e-3
