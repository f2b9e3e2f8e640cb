"""What is said to make numbers of text does: each mend is run on the texts that it was given for."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from lepton_lab.data._numberlike import are_codes, number_like


def mended(texts: list[str]) -> list[float]:
    """What the expression in the mend makes of a column."""
    found = number_like(texts)
    assert found is not None
    kind, told = found
    line = kind.mend(told).replace("{name}", "'v'")
    expression = re.sub(r"^.*? of it[:,] ", "", line)
    expression = re.split(r",? or | where ", expression)[0]
    return pd.Series(eval(expression, {"pd": pd, "frame": pd.DataFrame({"v": texts})})).tolist()


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1,50 €", "0,5 €", "7 €"], [1.5, 0.5, 7]),
        (["€1.201,50", "€2"], [1201.5, 2]),
        (["$1,201.50", "-$2"], [1201.5, -2]),
        (["1.200 EUR", "12.000 EUR"], [1200, 12000]),
        (["1.200.000 EUR", "5 EUR"], [1200000, 5]),
        (["2.2.2000", "5.2.2000", "13.2.2000"], [32, 35, 43]),
        (["02.01.2000", "05.01.2000"], [1, 4]),
        (["2000-01-02", "2000-02-01"], [1, 31]),
        (["2000-01-02T00:00:00Z", "2000-01-03T00:00:00Z"], [1, 2]),
        (["2000-01-02T10:00:00+02:00", "2000-01-03T10:00:00+02:00"], [1, 2]),
        (["3/1/2000", "13/1/2000"], [2, 12]),
        (["12:30", "0:05"], [45000, 300]),
        (["9:30 AM", "12:05:07 pm"], [34200, 43507]),
        (["1:02:03,5", "0:00:01"], [3723.5, 1]),
        (["12,5%", "3 %"], [12.5, 3]),
        (["\u22121,5", "\u20132.5"], [-1.5, -2.5]),
        (["1 200", "2\u202f500,5"], [1200, 2500.5]),
        (["\uff11\uff12", "\uff13"], [12, 3]),
        (["12", "9007199254740993"], [12, 9007199254740993]),
    ],
)
def test_the_mend_makes_numbers(texts: list[str], numbers: list[float]) -> None:
    assert mended(texts) == numbers


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["1'100.5", "2'000"], 'thousands="\'"'),
        (["1,200", "2,300"], r"say which \(decimal ','\), or .*thousands=','"),
        (["1,200.5", "2,300"], r"^read it with pd.read_csv\(..., thousands=','\)$"),
        (["1.200,5", "2.300"], r"thousands='.', decimal=','"),
        (["1,5", "2,25"], r"decimal comma \(decimal ','\)"),
        (["0", "30", "60", "1.234"], r"thousands='.', decimal=','"),  # what is no number in a file of decimal commas
    ],
)
def test_what_only_the_reading_can_mend(texts: list[str], words: str) -> None:
    found = number_like(texts)
    assert found is not None and re.search(words, found[0].mend(found[1]))


def test_codes_are_no_dates() -> None:
    assert are_codes(["007", "1"]) and are_codes(["01.02", "01.10"])
    assert not are_codes(["01.02.2020", "11.02.2020"]) and not are_codes(["7", "8"])
