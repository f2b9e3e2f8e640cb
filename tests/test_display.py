from lepton_lab.display import Table, times


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
