from pathlib import Path

from lepton_lab.lab._numbered import keep_numbered


def test_numbers_go_on_by_title(tmp_path: Path) -> None:
    kept = []
    for title in ("a", "a", "a-1", "a"):
        (tmp_path / "new.npy").write_text(title)
        kept.append(keep_numbered(tmp_path / "new.npy", tmp_path, title))
    assert [path.name for path in kept] == ["a-1.npy", "a-2.npy", "a-1-1.npy", "a-3.npy"]
    assert kept[2].read_text() == "a-1" and not (tmp_path / "new.npy").exists()
