from collections.abc import Sequence

import pytest

from lepton_lab.compress._base import Judged, Rule
from lepton_lab.compress._mixed import rules
from lepton_lab.runtime import Interpreter, Operation, load_keras, to_tflite
from lepton_lab.types import Model


@pytest.fixture(scope="module")
def operations(cnn: Model) -> tuple[Operation, ...]:
    return Interpreter(to_tflite(load_keras(cnn.file))).operations


class Scale:
    """Layers of which each costs what the test says; counts how often it was asked."""

    def __init__(self, costs: dict[str, float], int8: float = 0.0) -> None:
        self.costs, self.int8 = costs, int8

    def __call__(self, given: Sequence[Rule]) -> Judged:
        lost = self.int8
        for name, cost in self.costs.items():
            becomes = [rule.becomes for rule in given if name + "/" in rule.pattern]
            lost += cost if any("4" in word for word in becomes) else 0
            lost -= self.int8 / len(self.costs) if "float32" in becomes else 0
        return Judged(lost, lost)


def chosen(found: list[Rule], becomes: Sequence[str]) -> list[str]:
    return [rule.pattern for rule in found if rule.becomes in becomes and "/" in rule.pattern]


def test_the_least_sensitive_layers_get_four_bits(operations: tuple[Operation, ...]) -> None:
    judge = Scale({"conv2d": 0.4, "conv2d_1": 0.3, "dense": 0.05, "dense_1": 0.1})
    found = chosen(rules(operations, judge, 0.2), ("int4", "dynamic4"))
    assert len(found) == 2 and "dense" in found[0] and "dense_1" in found[1]


def test_nothing_gets_four_bits_where_nothing_may_be_lost(operations: tuple[Operation, ...]) -> None:
    judge = Scale({"conv2d": 0.4, "conv2d_1": 0.3, "dense": 0.05, "dense_1": 0.1})
    assert chosen(rules(operations, judge, 0.0), ("int4", "dynamic4")) == []


def test_layers_stay_float32_where_int8_loses_too_much(operations: tuple[Operation, ...]) -> None:
    judge = Scale(dict.fromkeys(("conv2d", "conv2d_1", "dense", "dense_1"), 0.1), int8=2.0)
    found = rules(operations, judge, 1.2)
    assert judge(found).lost <= 1.2 and chosen(found, ("int4", "dynamic4")) == []
