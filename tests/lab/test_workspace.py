"""Where a workspace is, and what it says of records that it can't read."""

from __future__ import annotations

from pathlib import Path

import pytest

from lepton_lab.errors import InputError, LeptonError
from lepton_lab.lab import Lab


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("~", "home"),
        ("~/lepton", "home/lepton"),
        ("$HOME/lepton", "home/lepton"),
        ("${HOME}/lepton", "home/lepton"),
        ("~/$PART/b", "home/a/b"),
        ("plain/~", "here/plain/~"),
        ("$odd/x", "here/$odd/x"),
        (Path("~/lepton"), "home/lepton"),
    ],
)
@pytest.mark.parametrize("by_environment", [True, False])
def test_it_is_named_as_in_a_shell(
    given: str | Path, found: str, by_environment: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "$odd" / "x").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PART", "a")
    monkeypatch.delenv("odd", raising=False)
    monkeypatch.setenv("LEPTON_WORKSPACE", str(given))
    assert Lab(None if by_environment else given).workspace.folder == tmp_path / found
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("given", ["$NOT_SET_HERE/lepton", "a/${NOT_SET_HERE}", "~nobody-of-that-name/lepton"])
def test_what_a_shell_would_not_know_is_refused(given: str) -> None:
    with pytest.raises(InputError, match=r"The workspace is '.*', but (the variable NOT_SET_HERE is not|there is no)"):
        Lab(given)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (5, "is 5, expected the path of a folder"),
        (True, "is True, expected the path"),
        (b"x", "is b'x', expected the path"),
        (["a"], r"is \['a'\], expected the path"),
        ("'~/lab'", "without quotation marks around it"),
        (" ", "expected a folder's path"),
        ("x\0y", "or zero bytes"),
    ],
)
def test_what_is_no_folder_is_refused(given: object, word: str) -> None:
    with pytest.raises(InputError, match=word):
        Lab(given)  # type: ignore[arg-type]


FORMS = ["", "{", "[]", "null", "3", '"text"', "[3]", "{}", '{"more": 1}', "[{}]", '{"name": []}', "\0"]
"""A record that somebody else changed, or another version wrote."""


@pytest.mark.parametrize("content", FORMS)
def test_a_record_of_another_form_is_damaged(content: str, tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        records = [tmp_path / "models" / "net" / "model.json", tmp_path / "runs" / "net-1" / "run.json"]
        for record, read in zip(records, (lab.model.show, lab.run.show), strict=True):
            record.parent.mkdir(parents=True)
            record.write_text(content)
            with pytest.raises(LeptonError, match=rf"{record.name} is damaged \(.*remove its folder"):
                read(record.parent.name)
        assert lab.summary()["models"] == lab.summary()["runs"] == []  # the sidebar goes on


@pytest.mark.parametrize("content", [form for form in FORMS if form not in ("[]", "{}")])
def test_a_list_of_exports_of_another_form_is_damaged(content: str, tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        (tmp_path / "exports.json").write_text(content)
        with pytest.raises(LeptonError, match=r"exports\.json is damaged \(.*remove it; the exported files stay"):
            lab.status()
