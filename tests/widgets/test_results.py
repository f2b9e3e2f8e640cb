"""What is shown of results and errors."""

from __future__ import annotations

from pathlib import Path

from lepton_lab.errors import InputError, UserCodeError
from lepton_lab.types import Agreement, Bundle
from lepton_lab.widgets._results import show, show_error


def test_a_bundle_has_its_links_and_its_manifest(tmp_path: Path) -> None:
    path, manifest = tmp_path / "m.tflite", tmp_path / "m.tflite.json"
    path.write_bytes(b"model")
    manifest.write_text('{"classes": ["<a>"]}')
    shown = show(Bundle("m", "tflite", path, manifest, 5, "0" * 64, Agreement(8, 0.0, 1.0)))
    assert "Exported m" in shown and "100.00% same answers on 8 rows" in shown
    assert "Download m.tflite<" in shown and "Download m.tflite.json<" in shown
    assert "&lt;a&gt;" in shown and "<a>" not in shown


def test_a_manifest_that_was_moved_away(tmp_path: Path) -> None:
    bundle = Bundle("m", "tflite", tmp_path / "m", tmp_path / "m.json", 5, "0" * 64, Agreement(8, 0.0, 1.0))
    assert show(bundle).count("no longer there") == 2 and "<summary" not in show(bundle)


def test_what_has_no_html_is_shown_as_text() -> None:
    assert show("<x>") == "<pre>&lt;x&gt;</pre>"


def test_errors() -> None:
    assert "role='alert'" in show_error(InputError("a <b>"), "%lepton x") and "a &lt;b&gt;" in show_error(
        InputError("a <b>"), "%lepton x"
    )
    assert "<summary" in show_error(UserCodeError("it broke", "line 1\nline 2"), "%lepton x")
    assert "ZeroDivisionError" in show_error(ZeroDivisionError("x"), "%lepton x") and "bug" in show_error(
        ZeroDivisionError("x"), "%lepton x"
    )
