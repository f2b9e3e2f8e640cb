import pytest

from lepton_lab.display import Table, duration, times


def test_pictures_alone_and_in_pairs() -> None:
    table = Table("t", images=[("<one>", "AAAA"), ("two", "BBBB", "CCCC")])
    assert "pictures of <one>, two: seen in a notebook" in table.text()
    html = table.html()
    assert html.count("<figure") == 2 and html.count("base64,") == 3 and "&lt;one&gt;</figcaption>" in html
    assert html.index("BBBB") < html.index("CCCC") < html.index("two</figcaption>")


def test_changes_as_words() -> None:
    assert times(3.14, "smaller", "larger") == "3.1 x smaller"
    assert times(0.5, "smaller", "larger") == "2.0 x larger"
    assert times(0.96, "faster", "slower") == "the same"


def test_a_number_keeps_its_unit_beside_it_and_a_long_cell_is_broken() -> None:
    number, long = Table("t", (), [("31.3 MB", "<" + 30 * "long ")]).html().split("<td")[1:]
    assert "nowrap" in number and "nowrap" not in long and "&lt;long" in long


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (1e-9, "1 us"),
        (0.0000512, "51 us"),
        (0.000_994, "994 us"),
        (0.000_996, "1 ms"),
        (0.004, "4 ms"),
        (0.0996, "0.1 s"),
        (59.9, "59.9 s"),
        (59.97, "1 min"),
        (245, "4 min 05 s"),
        (3599.9, "1 h"),
        (7380, "2 h 03 min"),
        (21600, "6 h"),
        (172800, "2 d"),
        (273600, "3 d 4 h"),
    ],
)
def test_times_as_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
