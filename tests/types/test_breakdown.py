"""What lies behind metrics, shown."""

from __future__ import annotations

import numpy as np

from lepton_lab.types import Breakdown, CalibrationBin, ClassScore


def of_classes(count: int) -> Breakdown:
    """Each class is taken for the next one as often as its number says."""
    classes = tuple(ClassScore(f"c{n}", 100, 0.9, 1 - n / 1000, 1 - n / 1000, 0.99) for n in range(count))
    right = [(n, n, 100 - n) for n in range(count)]
    wrong = [(n, (n + 1) % count, n) for n in range(1, count)]
    bins = (CalibrationBin(30, 0.55, 0.5), CalibrationBin(70, 0.95, 0.9))
    return Breakdown("kind", "classes", classes, (*right, *wrong), bins, ((0.0, 0.0), (1.0, 1.0)))


def test_the_confusion_matrix_has_every_pair() -> None:
    found = of_classes(3).confusion_matrix
    assert found.dtype == np.int64 and found.tolist() == [[100, 0, 0], [0, 99, 1], [2, 0, 98]]


def test_the_most_confused_pairs_first() -> None:
    assert of_classes(4).confused[:2] == (("c3", "c0", 3), ("c2", "c3", 2))
    assert of_classes(4).notes() == ("most confused: c3 taken for c0 (3), c2 taken for c3 (2), c1 taken for c2 (1)",)
    assert of_classes(1).notes() == ()


def test_few_classes_are_shown_whole() -> None:
    table, matrix, reliability, roc = of_classes(20).figures()
    assert "Confusion matrix" in matrix and "Reliability" in reliability and "ROC" in roc
    assert table.count("<tr>") == 21 and "with the lowest f1" not in table


def test_of_many_classes_the_worst_are_shown_and_no_matrix() -> None:
    table, reliability, _ = of_classes(21).figures()
    assert "Reliability" in reliability and "the 20 of 21 with the lowest f1" in table
    assert table.index("c20") < table.index("c19") and ">c0<" not in table


def test_a_class_without_rows() -> None:
    classes = (ClassScore("a", 5, 1.0, 1.0, 1.0, None), ClassScore("b", 0, 0.0, None, None, None))
    (table, _) = Breakdown("kind", "classes", classes, ((0, 0, 5),)).figures()
    assert table.count(">-<") == 4


def test_labels_have_no_confusion_matrix() -> None:
    found = Breakdown("tags", "labels", (ClassScore("x", 3, 1.0, 1.0, 1.0, 1.0),))
    assert len(found.figures()) == 1 and found.notes() == () and ">label<" in found.figures()[0]
