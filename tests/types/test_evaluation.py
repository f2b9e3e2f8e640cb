"""How an evaluation and a comparison are shown."""

from __future__ import annotations

import dataclasses
import pickle

from lepton_lab.types import Comparison, Difference, Evaluation, Verdict
from tests.types.test_breakdown import of_classes

PLAIN = Evaluation("m", "d", "test", 1200, {"accuracy": 0.91234, "loss": 0.5}, (of_classes(3),), ("no row has b",))
DIFFERENCES = (
    Difference("accuracy", 0.95, 0.9, 0.02, 0.08, "m"),
    Difference("loss", 0.2, 0.21, -0.03, 0.01),
)


def compared(verdict: Verdict) -> Evaluation:
    return dataclasses.replace(PLAIN, comparison=Comparison("m", "n", "d", "test", 1200, 1000, DIFFERENCES, (verdict,)))


def test_text_is_one_table_with_notes() -> None:
    lines = str(PLAIN).splitlines()
    assert lines[0] == "m on d/test, 1,200 rows"
    assert lines[1:4] == ["  metric    value", "  accuracy  0.9123", "  loss      0.5000"]
    assert lines[4:] == ["  most confused: c2 taken for c0 (2), c1 taken for c2 (1)", "  no row has b"]


def test_a_notebook_has_the_figures_besides() -> None:
    html = PLAIN._repr_html_()
    assert html.count("<table") == 3 and html.count("<img") == 2 and "0.9123" in html
    assert len(html) < 20_000


def test_notes_of_several_targets_say_whose_they_are() -> None:
    other = dataclasses.replace(of_classes(2), target="colour")
    text = str(dataclasses.replace(PLAIN, breakdowns=(of_classes(3), other)))
    assert "  kind: most confused: c2" in text and "  colour: most confused: c1" in text


def test_a_comparison_says_which_is_better() -> None:
    text = str(compared(Verdict(DIFFERENCES[0], 70, 10, 3.1e-12)))
    assert text.startswith("m against n on d/test, 1,200 rows\n")
    assert "accuracy  0.9500  0.9000  +0.0500     +0.0200 to +0.0800  m" in text
    assert "loss      0.2000  0.2100  -0.0100     -0.0300 to +0.0100  -" in text
    sentence = "m is better by accuracy: m alone is right on 70 rows, n alone on 10 (McNemar's exact test: p = 3.1e-12)"
    assert sentence in text and "no row has b" in text


def test_a_comparison_says_that_the_rows_can_not_tell() -> None:
    text = str(compared(Verdict(DIFFERENCES[1])))
    assert "these rows can't tell which is better by loss: the difference is between -0.03 and +0.01" in text


def test_values_travel_between_processes() -> None:
    value = compared(Verdict(DIFFERENCES[0], 70, 10, 0.5))
    assert pickle.loads(pickle.dumps(value)) == value
