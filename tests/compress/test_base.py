"""What each technique makes of the shape of a model's weights."""

from __future__ import annotations

from lepton_lab.compress import SCHEMES, TECHNIQUES, Shape


def test_prune_gives_zeros_of_its_own() -> None:
    settings = {"sparsity": 0.8, "m_by_n": None}
    assert TECHNIQUES["prune"].shape(Shape(), settings) == Shape(zeros=0.8)
    assert TECHNIQUES["prune"].shape(Shape(zeros=0.9, values=16), settings) == Shape(zeros=0.8)
    assert TECHNIQUES["prune"].shape(Shape(), settings | {"m_by_n": "1:4"}) == Shape(zeros=0.25)


def test_what_keeps_zeros_and_clusters() -> None:
    clustered = TECHNIQUES["cluster"].shape(Shape(zeros=0.9), {"clusters": 8})
    assert clustered == Shape(zeros=0.9, values=8)
    assert TECHNIQUES["qat"].shape(clustered, {}) == Shape(8, 0.9, 8)
    for name, scheme in SCHEMES.items():
        assert TECHNIQUES["quantize"].shape(clustered, {"scheme": name}) == Shape(scheme.BITS, 0.9, 8)


def test_a_student_begins_anew() -> None:
    settings = {"student": None, "width": 0.5}
    assert TECHNIQUES["distill"].shape(Shape(zeros=0.9), settings) == Shape(kept=0.25)
    assert TECHNIQUES["distill"].shape(Shape(zeros=0.9), settings | {"student": "mlp"}) == Shape(model="mlp")
