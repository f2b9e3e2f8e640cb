"""The link that carries a file."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from lepton_lab.widgets._download import download_link


def test_the_link_holds_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a'b.tflite"
    path.write_bytes(bytes(range(256)))
    link = download_link(path)
    data = re.search(r"base64,([^']*)'", link)
    assert data is not None and base64.b64decode(data[1]) == path.read_bytes()
    assert "download='a&#x27;b.tflite'" in link


def test_a_big_file_and_a_missing_one(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(b"12345")
    assert "href" not in download_link(path, limit=4) and str(path) in download_link(path, limit=4)
    assert "no longer there" in download_link(tmp_path / "gone")
