import pytest

from lepton_lab.compress import read_budget
from lepton_lab.errors import InputError
from lepton_lab.types import Measure

BEFORE = Measure(0.98, 400_000, 360_000, 30e-6, memory=40_000_000)
AFTER = Measure(0.976, 100_000, 20_000, 10e-6, memory=39_000_000)


@pytest.mark.parametrize(
    ("text", "excess"),
    [
        ("size<200KB", -0.5),
        ("size<100 kB", 0.0),
        ("gzip<=10KB", 1.0),
        ("latency<5us", 1.0),
        ("latency < 0.01 ms", 0.0),
        ("memory<78MB", -0.5),
        ("accuracy>-0.5", -0.1),
        ("accuracy>-0.1", 0.3),
        ("accuracy>97", -0.6),
        ("accuracy>=98%", 0.4),
        ("accuracy>0.98", 0.4),
    ],
)
def test_how_far_a_model_is_outside(text: str, excess: float) -> None:
    (bound,) = read_budget(text, "accuracy")
    assert bound.excess(AFTER, BEFORE) == pytest.approx(excess, abs=1e-9)


@pytest.mark.parametrize(("text", "excess"), [("mae<+5", 0.6), ("mae<2", 0.0), ("mae<4", -0.5)])
def test_errors_are_bounded_from_above(text: str, excess: float) -> None:
    before, after = Measure(1.25 / 1.05, 1, 1, 1.0, metric="mae"), Measure(2.0, 1, 1, 1.0, metric="mae")
    (bound,) = read_budget(text, "mae")
    assert bound.excess(after, before) == pytest.approx(excess)


def test_a_share_of_an_error_needs_a_sign() -> None:
    with pytest.raises(InputError, match="mae is bounded by a number, or by a change, as mae<\\+5%"):
        read_budget("mae<5%", "mae")
    assert read_budget("mae<+5%", "mae")[0].limit == 0.05


@pytest.mark.parametrize("micro", ["u", "\u00b5", "\u03bc"])
def test_both_letters_for_micro(micro: str) -> None:
    assert read_budget(f"latency<50{micro}s", "accuracy")[0].limit == pytest.approx(50e-6)


def test_several_conditions() -> None:
    found = read_budget("size<200KB, accuracy>-0.5", "binary_accuracy")
    assert [(bound.quantity, bound.limit, bound.is_change) for bound in found] == [
        ("size", 200_000, False),
        ("accuracy", -0.005, True),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("weight<3KB", "expected size, gzip, memory, latency, accuracy with < or >"),
        ("size=3KB", "'size=3KB'"),
        ("size>3KB", "size can be bounded by < only"),
        ("accuracy<97", "accuracy can be bounded by > only"),
        ("size<-3KB", "an amount greater than 0"),
        ("size<0KB", "an amount greater than 0"),
        ("latency<50", "give latency a unit, such as 50us"),
        ("size<3 parsecs", "give size a unit, such as 200KB"),
        ("accuracy>97KB", "no unit 'KB'"),
        ("mae<0.5", "expected size, gzip, memory, latency, accuracy"),
    ],
)
def test_what_can_not_be_read(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_budget(text, "accuracy")
