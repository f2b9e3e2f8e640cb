from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from lepton_lab.types import LayerFigures, LayerReport


def made(**changes: Any) -> LayerReport:
    first = LayerFigures("conv", "CONV_2D", ((16, 3, 3, 1),), 0.25, 16, 8, 8, 208, 150, 144, 41.26, 0.0085)
    second = LayerFigures("norm", "BatchNormalization", ((8,), (8,)), 0.0, 8, 32, 32, 64, 84, 16, note="with conv")
    settings: dict[str, Any] = {"sqnr": 20.0, "max_error": 0.5} | changes
    return LayerReport("small", settings.pop("against", "big"), "d/train", 256, (first, second), 500, 400, **settings)


def test_a_line_for_each_layer_and_one_for_all() -> None:
    lines = str(made()).splitlines()
    assert lines[0] == "Layers of small" and lines[1].split()[-3:] == ["SQNR", "greatest", "error"]
    conv = "conv CONV_2D 16x3x3x1 144 25.0% 16 8/8 208 B 150 B 41.3 dB 0.0085"
    norm = "norm BatchNormalization 8, 8 16 0.0% 8 32/32 64 B 84 B - -"
    whole = "whole file 160 22.5% 500 B 400 B 20.0 dB 0.5"
    assert [" ".join(line.split()) for line in lines[2:5]] == [conv, norm, whole]
    assert any("256 rows of d/train; 20 dB is an error of a tenth" in line for line in lines)
    assert "  norm: with conv" in lines


def test_nothing_to_compare_with() -> None:
    text = str(made(against="", sqnr=None, max_error=None))
    assert "SQNR" not in text and "41.3" not in text


def test_exact_answers() -> None:
    assert str(made(sqnr=math.inf, max_error=0.0)).count("exact") == 1


def test_bars_of_zeros_and_errors() -> None:
    html = made()._repr_html_()
    assert html.count("width:25.0%") == 1 and "error, as a share of the answers" in html and "0.0086" in html


def test_how_to_look(tmp_path: Path) -> None:
    text = str(made(path=tmp_path / "nodes.json"))
    assert "nodes.json" in text and "https://netron.app" in text and "model-explorer" in text
    assert "netron" not in str(made())
