"""The link that carries a file."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from lepton_lab.types import Agreement, Bundle
from lepton_lab.widgets._download import download_link
from lepton_lab.widgets._form import show


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


def test_only_a_bundle_is_offered(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(b"model")
    bundle = Bundle("m", "tflite", path, tmp_path / "m.tflite.json", 5, "0" * 64, Agreement(8, 0.0, 1.0))
    assert "Download m.tflite" in show(bundle) and "Exported m" in show(bundle)
    assert show("<x>") == "<pre>&lt;x&gt;</pre>"
