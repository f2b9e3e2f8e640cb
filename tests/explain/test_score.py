from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lepton_lab.explain import Options, explain
from lepton_lab.explain._score import Score, score_of
from lepton_lab.runtime import open_rows, predict
from lepton_lab.types import Target
from tests.explain.made import answering
from tests.models_fixture import keras

THREE = Target("classes", classes=("a", "b", "c"))
TWO = Target("classes", classes=("no", "yes"))
TAGS = Target("labels", classes=("left", "right"))


def log_odds(p: Any) -> Any:
    return np.log(p) - np.log1p(-p)


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_of_classes_from_probabilities_and_from_logits(chosen: int) -> None:
    score = Score("classes", ("a", "b", "c"))
    logits = np.random.default_rng(0).normal(0, 2, (5, 3)).astype("float32")
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    picked = np.full(5, chosen)
    for answers, are_logits in ((shares, False), (logits, True)):
        found = np.asarray(score.of(score.logits(answers, are_logits), picked))
        np.testing.assert_allclose(found, log_odds(shares[:, chosen]), rtol=1e-4, atol=1e-5)


def test_logits_keep_their_digits_where_probabilities_are_all_but_one() -> None:
    score, logits = Score("classes", ("a", "b")), np.array([[40.0, 0.0]], np.float32)
    assert np.asarray(score.of(score.logits(logits, True), [0])) == pytest.approx([40])
    assert np.asarray(score.of(score.logits([[1.0, 0.0]], False), [0])) == pytest.approx([16.118], rel=1e-3)


def test_one_number_for_two_classes() -> None:
    score = score_of(TWO)
    logits = score.logits(np.array([[0.9]], np.float32), False)
    assert np.asarray(score.of(logits, [1])) == pytest.approx([log_odds(0.9)], rel=1e-4)
    assert np.asarray(score.of(logits, [0])) == pytest.approx([-log_odds(0.9)], rel=1e-4)
    assert score.choose(logits, None).tolist() == [1] and score.choose(logits, 0).tolist() == [0]


def test_labels_and_numbers() -> None:
    tags, several = score_of(TAGS), score_of(Target("numbers", "height,width", width=2))
    assert np.asarray(tags.of(tags.logits([[0.2, 0.7]], False), [1])) == pytest.approx([log_odds(0.7)], rel=1e-4)
    assert several.names == ("height", "width") and several.choose(np.zeros((3, 2)), None).tolist() == [0, 0, 0]
    assert np.asarray(several.of(several.logits([[4.0, -5.0]], False), [1])).tolist() == [-5]
    assert score_of(Target("numbers", "y", width=2)).names == ("y 0", "y 1")


def endings() -> dict[str, tuple[list[Any], Target]]:
    layer = keras().layers
    inner = keras().Sequential([keras().Input((8,)), layer.Dense(3, "softmax")])
    apart = keras().Sequential([keras().Input((8,)), layer.Dense(3), layer.Softmax()])
    return {
        "softmax in the layer": ([layer.Dense(3, "softmax")], THREE),
        "softmax by itself": ([layer.Dense(3), layer.Softmax()], THREE),
        "softmax as an activation": ([layer.Dense(3), layer.Activation("softmax")], THREE),
        "softmax in a model inside": ([inner], THREE),
        "softmax that something follows": ([layer.Dense(3, "softmax"), layer.Reshape((3,))], THREE),
        "softmax of a model inside, by itself": ([apart], THREE),
        "sigmoid of one number": ([layer.Dense(1, "sigmoid")], TWO),
        "labels": ([layer.Dense(2, "sigmoid")], TAGS),
    }


@pytest.mark.parametrize("ending", list(endings()))
def test_whatever_a_model_ends_with_its_score_is_the_log_odds_of_its_answer(ending: str, tmp_path: Path) -> None:
    head, target = endings()[ending]
    model, dataset = answering(head, target, tmp_path)
    found = explain(model, dataset, tmp_path / "v.npy", "integrated_gradients", options=Options(steps=64))
    rows, _ = open_rows(dataset, "test")
    answers = predict(model.file, rows[[row.row for row in found.rows]])
    answers = np.concatenate([1 - answers, answers], axis=1) if answers.shape[1] == 1 else answers
    assert [row.explains for row in found.rows] == [target.classes[n] for n in answers.argmax(axis=1)]
    np.testing.assert_allclose([row.score for row in found.rows], log_odds(answers.max(axis=1)), rtol=1e-3, atol=1e-4)
    assert max(abs(row.error or 0) for row in found.rows) < 0.01


def test_classes_by_a_sigmoid_each_are_scored_by_their_shares(tmp_path: Path) -> None:
    model, dataset = answering([keras().layers.Dense(3, "sigmoid")], THREE, tmp_path)
    rows, _ = open_rows(dataset, "test")
    answers = predict(model.file, rows).astype(np.float64)
    shares = answers / answers.sum(axis=1, keepdims=True)
    for method in ("integrated_gradients", "shap_kernel"):
        found = explain(model, dataset, tmp_path / "v.npy", method, 20, options=Options(samples=8))
        scores = [row.score for row in found.rows]
        np.testing.assert_allclose(scores, log_odds(shares.max(axis=1)), rtol=1e-4, atol=1e-5)


def test_a_model_that_answers_with_logits(tmp_path: Path) -> None:
    model, dataset = answering([keras().layers.Dense(3)], THREE, tmp_path)
    rows, _ = open_rows(dataset, "test")
    logits = predict(model.file, rows).astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for method in ("integrated_gradients", "shap_kernel"):
        found = explain(model, dataset, tmp_path / "v.npy", method, 20, options=Options(samples=8))
        np.testing.assert_allclose(
            [row.score for row in found.rows], log_odds(shares.max(axis=1)), rtol=1e-4, atol=1e-5
        )
