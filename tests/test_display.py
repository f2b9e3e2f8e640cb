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


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
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
